//! What a profile says of itself: categories, and how the fields of markers are shown.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::trace::Header;

use super::row::CATEGORIES;

/// The version of the format that is written; the profiler brings older ones up to date.
const VERSION: u32 = 56;

/// The sorts of markers: of threads' calls, of what they wait for, of the kernel's work on a CPU, of devices.
pub const SORTS: [&str; 4] = ["call", "state", "kernel", "machine"];

/// How a value is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    Integer,
    Text,
}

/// The profile's `meta`, for a run that ends at `end` nanoseconds and markers with these fields.
pub fn of(header: &Header, end: u64, fields_seen: &BTreeSet<(&'static str, Format)>) -> Json {
    let categories =
        CATEGORIES.map(|(name, color)| json!({"name": name, "color": color, "subcategories": ["Other"]}));
    let mut fields: Vec<Json> = Vec::new();
    let known = fields_seen.iter().map(|(name, format)| (*name, *format));
    for (name, format) in known.chain([("step", Format::Text), ("line", Format::Integer)]) {
        // A field that is a number in one kind and a name in another is shown as it is.
        if fields.iter().all(|field| field["key"] != name) {
            let format = if format == Format::Integer { "integer" } else { "string" };
            fields.push(json!({"key": name, "label": name, "format": format}));
        }
    }
    let schema = SORTS.map(|sort| {
        json!({"name": sort, "display": ["marker-chart", "marker-table", "timeline-overview"],
            "tooltipLabel": "{marker.name}", "chartLabel": "{marker.name}",
            "tableLabel": "{marker.name} {marker.data.step}", "fields": fields,
            "isStackBased": true})
    });
    json!({
        "preprocessedProfileVersion": VERSION, "version": 30, "interval": 1, "startTime": 0, "processType": 0,
        "product": format!("Trapline: {}", header.scenario), "importedFrom": "Trapline",
        "profilingStartTime": 0, "profilingEndTime": end as f64 / 1e6,
        "stackwalk": 0, "debug": false, "symbolicated": true, "symbolicationNotSupported": true,
        "usesOnlyOneStackType": true, "sourceCodeIsNotOnSearchfox": true, "keepProfileThreadOrder": true,
        "extensions": {"length": 0, "baseURL": [], "id": [], "name": []},
        "sampleUnits": {"time": "ms", "eventDelay": "ms", "threadCPUDelta": "ns"},
        "physicalCPUs": header.cpus, "logicalCPUs": header.cpus,
        "categories": categories, "markerSchema": schema,
        "extra": [{"label": "Scenario", "entries": [
            {"label": "Question", "format": "string", "value": header.question},
            {"label": "Seed", "format": "string", "value": header.seed.to_string()},
            {"label": "Cost profile", "format": "string", "value": header.costs},
        ]}],
    })
}
