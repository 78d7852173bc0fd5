#!/usr/bin/python3
"""What `make bench` compares with: the check that one writes by hand, imaplib under one time-out for all.

imaplib_check.py implicit|starttls|none HOST PORT CA_FILE USER; CA_FILE is empty for the system's trust, the password is
in IMAP_SESSION_PASSWORD.
"""
import imaplib
import os
import signal
import ssl
import sys
import time


def on_alarm(*_):
    raise TimeoutError("timed out")


def main(mode, host, port, ca_file, user):
    signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, 100)
    begun = time.monotonic()
    try:
        if mode == "implicit":
            imap = imaplib.IMAP4_SSL(host, int(port), ssl_context=ssl.create_default_context(cafile=ca_file or None))
        else:
            imap = imaplib.IMAP4(host, int(port))
        if mode == "starttls":
            imap.starttls(ssl.create_default_context(cafile=ca_file or None))
        imap.login(user, os.environ["IMAP_SESSION_PASSWORD"])
        logged_in = time.monotonic()
        status, data = imap.select("INBOX")
        if status != "OK":
            raise imaplib.IMAP4.error(data)
        selected = time.monotonic()
        imap.logout()
    except (OSError, imaplib.IMAP4.error) as why:
        print(f"IMAP CRITICAL: {why}")
        return 2
    print(f"IMAP OK: {data[0].decode()} messages|login={logged_in - begun:.6f}s select={selected - logged_in:.6f}s")
    return 0


sys.exit(main(*sys.argv[1:]))
