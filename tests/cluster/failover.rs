//! One satellite goes, all its checks go on at the other one, it comes back and takes the same checks again. First it is
//! killed, which ends its connections. Then it hangs, and its connections stay.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use crate::daemon::Icinga;
use crate::place::{Cluster, SATELLITES, Seen, now, report, results};
use crate::process;

const SERVICES: usize = 60;
const INTERVAL: Duration = Duration::from_secs(5);
/// Icinga looks that often who is there and shares the checks out.
const SHARING: Duration = Duration::from_secs(10);
/// Icinga gives up on a connection on which it heard nothing for so long.
const SILENCE: Duration = Duration::from_secs(60);
/// A busy machine may add so much. If nobody noticed the end of a connection, the silence would be longer than that.
const BUSY: Duration = Duration::from_secs(40);
/// For everything that has to happen at some time.
const LIMIT: Duration = Duration::from_secs(300);
/// How often the master is asked.
const LOOK: Duration = Duration::from_millis(300);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goes {
    Killed,
    Hung,
}

/// All results that the master had, service by service, in the order in which they came.
struct Watch<'a> {
    master: &'a Icinga,
    results: BTreeMap<String, Vec<Seen>>,
}

/// The service and who checks it.
type Shares = BTreeMap<String, String>;

pub fn test() {
    println!("{SERVICES} services, each checked every {} s", INTERVAL.as_secs());
    let mut cluster = Cluster::start(SERVICES, INTERVAL);
    let before = Watch::of(&cluster.master).settle();
    println!("shares: {}", describe(&before));
    for (satellite, goes) in [(0, Goes::Killed), (1, Goes::Killed), (0, Goes::Hung), (1, Goes::Hung)] {
        go_and_come_back(&mut cluster, &before, satellite, goes);
    }
    println!("\npassed: no service was without a result for longer than allowed");
}

fn go_and_come_back(cluster: &mut Cluster, before: &Shares, satellite: usize, goes: Goes) {
    let (away, stays) = (SATELLITES[satellite], SATELLITES[1 - satellite]);
    let notice = if goes == Goes::Killed { SHARING } else { SILENCE + SHARING };
    let allowed = INTERVAL + notice + BUSY;
    println!("\n{away} is {}:", format!("{goes:?}").to_lowercase());
    let node = &mut cluster.satellites[satellite];
    let folder = node.path("");
    let mut watch = Watch::of(&cluster.master);
    watch.look_for(2 * INTERVAL);
    let (gone, begun) = (now(), Instant::now());
    if goes == Goes::Killed {
        while process::send("KILL", &folder) > 0 {
            watch.look_for(LOOK);
        }
    } else {
        assert!(process::send("STOP", &folder) > 1, "Icinga has several processes");
    }
    watch.wait_until("all checks at the other satellite", |watch| {
        watch.last().values().all(|seen| seen.source == stays && seen.at > gone)
    });
    println!("  all {SERVICES} are checked by {stays} {:.1} s later", begun.elapsed().as_secs_f64());
    let missing = format!("not connected. ({away})");
    watch.wait_until("the cluster check to name it", |watch| {
        report(watch.master).is_some_and(|report| report.ends_with(&missing))
    });
    println!("  the check \"cluster\" of the master: {}", report(watch.master).unwrap_or_default());
    watch.look_for(4 * INTERVAL);
    let (back, begun) = (now(), Instant::now());
    if goes == Goes::Killed {
        node.stop();
        scope(|scope| {
            let start = scope.spawn(|| node.start());
            while !start.is_finished() {
                watch.look_for(LOOK);
            }
        });
    } else {
        process::send("CONT", &folder);
    }
    watch.wait_until("its share again", |watch| &watch.shares() == before);
    println!(
        "  it comes back and has its share again {:.1} s later: {}",
        begun.elapsed().as_secs_f64(),
        describe(before)
    );
    watch.look_for(2 * INTERVAL);
    watch.judge(before, away, [gone, back], allowed);
}

impl<'a> Watch<'a> {
    fn of(master: &'a Icinga) -> Self {
        Self { master, results: BTreeMap::new() }
    }

    fn look(&mut self) {
        for (service, seen) in results(self.master) {
            let list = self.results.entry(service).or_default();
            if list.last().is_none_or(|last| last.at < seen.at) {
                list.push(seen);
            }
        }
    }

    fn look_for(&mut self, time: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < time {
            self.look();
            sleep(LOOK);
        }
    }

    fn wait_until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        loop {
            self.look();
            if self.results.len() == SERVICES && is_so(self) {
                return;
            }
            let shares = describe(&self.shares());
            assert!(begun.elapsed() < LIMIT, "{what}: not within {} s, {shares}", LIMIT.as_secs());
            sleep(LOOK);
        }
    }

    fn last(&self) -> BTreeMap<&str, &Seen> {
        let lists = self.results.iter();
        lists.map(|(service, list)| (service.as_str(), list.last().expect("at least one"))).collect()
    }

    fn shares(&self) -> Shares {
        self.last().into_iter().map(|(service, seen)| (service.to_owned(), seen.source.clone())).collect()
    }

    /// Waits until both satellites have their share and keep it.
    fn settle(mut self) -> Shares {
        let begun = Instant::now();
        loop {
            let before = self.shares();
            self.look_for(4 * INTERVAL);
            let shares = self.shares();
            let sources: BTreeSet<&String> = shares.values().collect();
            if shares.len() == SERVICES && shares == before && sources.len() == 2 {
                return shares;
            }
            assert!(begun.elapsed() < LIMIT, "no shares within {} s: {}", LIMIT.as_secs(), describe(&shares));
        }
    }

    /// Panics if a service had no result for longer than this.
    fn judge(&self, before: &Shares, away: &str, [gone, back]: [f64; 2], allowed: Duration) {
        let end = now();
        let (mut moved, mut others, mut came_back) = (Vec::new(), Vec::new(), Vec::new());
        for (service, source) in before {
            let mut times: Vec<f64> = self.results[service].iter().map(|seen| seen.came).collect();
            times.push(end);
            let gaps = times.windows(2).map(|pair| (pair[0], pair[1] - pair[0]));
            let (early, late): (Vec<_>, Vec<_>) = gaps.partition(|(from, _)| *from < back);
            let longest = |gaps: &[(f64, f64)]| gaps.iter().map(|(_, gap)| *gap).fold(0.0, f64::max);
            let gap = longest(&early).max(longest(&late));
            assert!(gap < allowed.as_secs_f64(), "{service} had no result for {gap:.1} s, allowed are {allowed:?}");
            if source == away {
                moved.push(longest(&early));
            } else {
                others.push(longest(&early));
            }
            came_back.push(longest(&late));
        }
        let all = || self.results.values().flatten().filter(|seen| seen.at > gone);
        println!("  longest time without a result, of the services that it had: {}", spread(&mut moved));
        println!("  of those that the other one had all the time: {}", spread(&mut others));
        println!("  of all, while it came back: {}", spread(&mut came_back));
        let bad = all().filter(|seen| !seen.is_ok).count();
        println!("  {} results in {:.0} s, {bad} of them not OK", all().count(), end - gone);
    }
}

fn spread(seconds: &mut [f64]) -> String {
    seconds.sort_by(f64::total_cmp);
    let (count, longest) = (seconds.len(), seconds.last().copied().unwrap_or_default());
    format!("median {:.1} s, longest {longest:.1} s ({count} services)", seconds[count / 2])
}

fn describe(shares: &Shares) -> String {
    let count = |source: &str| shares.values().filter(|other| *other == source).count();
    SATELLITES.map(|satellite| format!("{satellite} {}", count(satellite))).join(", ")
}
