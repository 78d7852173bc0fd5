//! Runs assertions and keeps what a failing one says, for whoever judges many runs: printed at once, a thousand failures
//! with their backtraces would hide what matters.
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

thread_local! {
    static IS_JUDGING: Cell<bool> = const { Cell::new(false) };
    static WORDS: RefCell<String> = const { RefCell::new(String::new()) };
}

/// What the first assertion that fails says, and where it stands; none if all hold.
pub fn find_failure(assertions: impl FnOnce()) -> Option<String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| if IS_JUDGING.get() { keep(panic) } else { usual(panic) }));
    });
    IS_JUDGING.set(true);
    let judged = panic::catch_unwind(AssertUnwindSafe(assertions));
    IS_JUDGING.set(false);
    judged.err().map(|_| WORDS.take())
}

fn keep(panic: &PanicHookInfo<'_>) {
    let payload = panic.payload();
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    let words = owned.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or_default();
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    WORDS.set(format!("{place}\n{words}"));
}
