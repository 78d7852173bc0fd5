//! What Icinga and the plugin cost, in processor time: a busy machine lengthens times, but hardly this.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::place::{Cluster, now, results};
use crate::process::Cpu;

const INTERVAL: Duration = Duration::from_secs(60);
const LIMIT: Duration = Duration::from_secs(600);

/// One minute of a cluster.
struct Minute {
    seconds: f64,
    /// Results that the master got.
    results: usize,
    not_ok: usize,
    master: Cpu,
    /// Both together.
    satellites: Cpu,
}

pub fn measure() {
    let sizes = std::env::var("CLUSTER_SERVICES").unwrap_or_else(|_| "500 1000 2000".to_owned());
    let minutes = std::env::var("CLUSTER_MINUTES").map_or(3, |minutes| minutes.parse().unwrap());
    println!("Master and two satellites on one machine, each service once a minute; medians of {minutes} minutes.\n");
    println!(
        "| services | checks a minute | not OK | plugin, CPU ms a check | Icinga on the satellites, CPU ms a check | \
         Icinga's share there | master, CPU ms a check | cores busy, all but the server |\n|---|---|---|---|---|---|---|---|"
    );
    for services in sizes.split_whitespace() {
        let services = services.parse().unwrap();
        let minutes = run(services, minutes);
        print(services, &minutes);
    }
}

fn run(services: usize, minutes: usize) -> Vec<Minute> {
    let cluster = Cluster::start(services, INTERVAL);
    let begun = Instant::now();
    // Nobody asks the master more than needed: its answers cost, too.
    while results(&cluster.master).len() < services {
        assert!(begun.elapsed() < LIMIT, "{} of {services} services have a result", results(&cluster.master).len());
        sleep(Duration::from_secs(5));
    }
    // The first checks come all at once, the later ones evenly.
    sleep(INTERVAL);
    (0..minutes).map(|_| watch(&cluster)).collect()
}

fn watch(cluster: &Cluster) -> Minute {
    let (before, begun, from) = (cluster.cpu(), Instant::now(), now());
    sleep(INTERVAL);
    let (after, seconds) = (cluster.cpu(), begun.elapsed().as_secs_f64());
    let results = results(&cluster.master);
    // The interval is the minute, so that hardly a service has two.
    let in_time: Vec<_> = results.values().filter(|seen| seen.at >= from && seen.at < from + seconds).collect();
    let [master, first, second] = [0, 1, 2].map(|node| after[node].since(before[node]));
    Minute {
        seconds,
        results: in_time.len(),
        not_ok: in_time.iter().filter(|seen| !seen.is_ok).count(),
        master,
        satellites: Cpu { icinga: first.icinga + second.icinga, checks: first.checks + second.checks },
    }
}

fn print(services: usize, minutes: &[Minute]) {
    let each = |figure: &dyn Fn(&Minute) -> f64| median(minutes.iter().map(figure).collect());
    let a_check = |seconds: f64, minute: &Minute| 1e3 * seconds / minute.results as f64;
    println!(
        "| {services} | {:.0} | {} | {:.2} | {:.2} | {:.0} % | {:.2} | {:.2} |",
        each(&|minute| minute.results as f64 * 60.0 / minute.seconds),
        minutes.iter().map(|minute| minute.not_ok).sum::<usize>(),
        each(&|minute| a_check(minute.satellites.checks, minute)),
        each(&|minute| a_check(minute.satellites.icinga, minute)),
        each(&|minute| 100.0 * minute.satellites.icinga / (minute.satellites.icinga + minute.satellites.checks)),
        each(&|minute| a_check(minute.master.icinga, minute)),
        each(&|minute| {
            (minute.satellites.icinga + minute.satellites.checks + minute.master.icinga) / minute.seconds
        }),
    );
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
