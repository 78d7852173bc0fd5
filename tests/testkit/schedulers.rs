//! What programs that no Debian package brings make of a plugin's output: Checkmk's MRPE, Telegraf's data format `nagios`,
//! Sensu Go's `nagios_perfdata`. Each reads as the program does, its leniency and its faults included.
use super::nagios::Run;

/// A value that arrived.
#[derive(Debug, PartialEq)]
pub struct Metric {
    pub label: String,
    pub value: f64,
    /// Upper warning and critical threshold, if the program takes them.
    pub levels: (Option<f64>, Option<f64>),
}

/// A service in Checkmk.
#[derive(Debug)]
pub struct Service {
    pub item: String,
    pub state: i32,
    /// The first line of the text, and all lines.
    pub summary: String,
    pub details: Vec<String>,
    pub metrics: Vec<Metric>,
    /// Items of perfdata that make the service UNKNOWN.
    pub refused: Vec<String>,
}

impl Service {
    /// Reads the line that the agent sends for a command: `(COMMAND) NAME CODE OUTPUT`. The section is split into words
    /// before anything else, so that several blanks become one.
    pub fn read(name: &str, run: &Run) -> Self {
        let sent = format!("(check_imap_session) {name} {} {}", run.code, run.stdout.trim_end_matches('\n'));
        let sent = sent.replace('\n', "\u{1}");
        let words: Vec<&str> = sent.split_whitespace().skip(1).collect();
        let [item, code, text @ ..] = words.as_slice() else { panic!("{sent}") };
        let (mut details, mut perfdata) = (Vec::new(), Vec::new());
        let mut is_text = true;
        for (number, line) in text.join(" ").split('\u{1}').enumerate() {
            if !is_text {
                perfdata.extend(line.split_whitespace().map(str::to_owned));
                continue;
            }
            let (text, values) = line.split_once('|').map_or((line, None), |(text, values)| (text, Some(values)));
            details.push(text.trim().to_owned());
            perfdata.extend(values.into_iter().flat_map(str::split_whitespace).map(str::to_owned));
            // Behind a second | there is only perfdata.
            is_text = number == 0 || values.is_none();
        }
        let (read, refused): (Vec<_>, Vec<_>) = perfdata.into_iter().map(read_for_checkmk).partition(Result::is_ok);
        Self {
            item: item.replace("%20", " "),
            state: if refused.is_empty() || *code == "2" { code.parse().unwrap() } else { 3 },
            summary: details[0].clone(),
            details,
            metrics: read.into_iter().filter_map(Result::ok).collect(),
            refused: refused.into_iter().filter_map(Result::err).collect(),
        }
    }
}

/// Quotes stay in the label. Of a range the end counts.
fn read_for_checkmk(item: String) -> Result<Metric, String> {
    let Some((label, values)) = item.split_once('=') else { return Err(item) };
    if values.starts_with('U') || label.is_empty() || label.contains([' ', ':', '/', '\\']) {
        return Err(item);
    }
    let mut ends = values.split(';').map(|value| value.rsplit(':').next().unwrap_or_default());
    let value = ends.next().unwrap_or_default();
    // The longest beginning that is a number.
    let number = (1..=value.len()).rev().find_map(|end| value.get(..end)?.parse().ok());
    let mut next = || ends.next().and_then(|end| end.parse().ok());
    let levels = (next(), next());
    let label = label.to_owned();
    number.map(|value| Metric { label, value, levels }).ok_or(item)
}

/// What Telegraf has after a run of a command.
#[derive(Debug)]
pub struct Points {
    pub state: i32,
    pub service_output: String,
    pub long_service_output: String,
    pub metrics: Vec<Metric>,
}

impl Points {
    /// Nothing if the first line has a second `|`.
    pub fn read(run: &Run) -> Option<Self> {
        let mut lines = run.stdout.lines();
        let first: Vec<&str> = lines.next()?.split('|').collect();
        let (text, perfdata) = match first.as_slice() {
            [text] => (text, ""),
            [text, perfdata] => (text, *perfdata),
            _ => return None,
        };
        let mut metrics = read_for_telegraf(perfdata);
        let mut long = Vec::new();
        let mut is_text = true;
        for line in lines {
            match line.split_once('|') {
                _ if !is_text => metrics.extend(read_for_telegraf(line)),
                None => long.push(line.trim()),
                Some((text, perfdata)) => {
                    long.push(text.trim());
                    metrics.extend(read_for_telegraf(perfdata.split('|').next().unwrap_or_default()));
                    is_text = false;
                }
            }
        }
        let (service_output, long_service_output) = (text.trim().to_owned(), long.join("\n"));
        Some(Self { state: run.code, service_output, long_service_output, metrics })
    }
}

/// A label is what stands before a `=`, blanks included. Items that it cannot read are passed over without a word.
fn read_for_telegraf(perfdata: &str) -> Vec<Metric> {
    let mut metrics = Vec::new();
    let mut rest = perfdata;
    while let Some((label, values)) = rest.split_once('=') {
        let (values, behind) = values.split_once(char::is_whitespace).unwrap_or((values, ""));
        rest = behind;
        let end = values.find(|c: char| !(c.is_ascii_digit() || ".-+eE".contains(c))).unwrap_or(values.len());
        let (value, thresholds) = values.split_at(end);
        let unit = |c: char| c.is_ascii_alphanumeric() || "_/%".contains(c);
        let mut thresholds = thresholds.trim_start_matches(unit).split(';').skip(1);
        let mut next = || thresholds.next().and_then(|range| range.rsplit(':').next()?.parse().ok());
        let levels = (next(), next());
        let label = label.trim().trim_matches('\'').to_owned();
        metrics.extend(value.parse().ok().map(|value| Metric { label, value, levels }));
    }
    metrics
}

/// Sensu takes no thresholds, and everything behind the `|` for perfdata, further lines of text included: a word with a `=`
/// in it may become a metric. Of two `|` it takes nothing.
pub fn read_for_sensu(output: &str) -> Vec<Metric> {
    let parts: Vec<&str> = output.split('|').collect();
    let [_, perfdata] = parts.as_slice() else { return Vec::new() };
    let read = |word: &str| {
        let parts: Vec<&str> = word.trim().split(';').next()?.split('=').collect();
        let [label, value] = parts.as_slice() else { return None };
        let value: String = value.chars().filter(|c| c.is_ascii_digit() || "-.".contains(*c)).collect();
        Some(Metric { label: (*label).to_owned(), value: value.parse().ok()?, levels: (None, None) })
    };
    perfdata.split(' ').filter_map(read).collect()
}

/// Asserts that each label and value of the run arrives everywhere.
pub fn check_all_read(run: &Run) {
    let items = run.perfdata();
    let known: Vec<(&str, f64)> = items.iter().filter_map(|item| Some((item.label.as_str(), item.value?))).collect();
    let list = |metrics: &[Metric]| metrics.iter().map(|m| (m.label.clone(), m.value)).collect::<Vec<_>>();
    let wanted: Vec<(String, f64)> = known.iter().map(|(label, value)| ((*label).to_owned(), *value)).collect();
    let lines = run.stdout.lines().count();

    let service = Service::read("IMAP%20mailboxes", run);
    assert_eq!(service.item, "IMAP mailboxes");
    assert_eq!(list(&service.metrics), wanted, "Checkmk");
    assert_eq!(service.refused.len(), items.len() - known.len(), "only U is refused: {:?}", service.refused);
    assert!(service.state == run.code || !service.refused.is_empty(), "{service:#?}");
    assert_eq!(service.details.len(), lines);

    let points = Points::read(run).expect("Telegraf takes the output");
    assert_eq!(list(&points.metrics), wanted, "Telegraf");
    assert_eq!(points.service_output.split_once(": ").map(|(_, text)| text), Some(run.summary().trim()));
    assert_eq!(points.long_service_output.lines().count(), lines - 1);

    let metrics = list(&read_for_sensu(&run.stdout));
    assert!(metrics.starts_with(&wanted), "Sensu: {metrics:?}, not {wanted:?}");
}
