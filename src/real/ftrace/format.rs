//! What the kernel says about a trace point: its number, and where its fields are.

/// A field of a record: a whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub offset: usize,
    pub size: usize,
    pub signed: bool,
}

/// A trace point's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    pub id: u16,
    /// In the order that they were asked for.
    pub fields: Vec<Field>,
}

impl Format {
    /// Reads a `format` file; none if it lacks one of the fields that are asked for.
    pub fn parse(text: &str, wanted: &[&str]) -> Option<Format> {
        let id = text.lines().find_map(|line| line.strip_prefix("ID:"))?.trim().parse().ok()?;
        let fields = wanted.iter().map(|name| field(text, name)).collect::<Option<Vec<Field>>>()?;
        Some(Format { id, fields })
    }
}

/// A line such as `field:pid_t prev_pid; offset:24; size:4; signed:1;`, with tabs between its parts.
fn field(text: &str, wanted: &str) -> Option<Field> {
    text.lines().find_map(|line| {
        let mut parts = line.trim().split(';').map(str::trim);
        let declaration = parts.next()?.strip_prefix("field:")?;
        let name = declaration.rsplit(' ').next()?;
        let mut number = |key: &str| parts.next()?.strip_prefix(key)?.parse::<usize>().ok();
        let (offset, size) = (number("offset:")?, number("size:")?);
        let signed = number("signed:")? == 1;
        (name == wanted).then_some(Field { offset, size, signed })
    })
}

impl Field {
    /// The field's value in a record; 0 if the record is too short for it.
    pub fn read(self, record: &[u8]) -> i64 {
        let Some(bytes) = record.get(self.offset..self.offset + self.size) else { return 0 };
        let mut word = [0; 8];
        let length = self.size.min(8);
        word[..length].copy_from_slice(&bytes[..length]);
        let value = i64::from_ne_bytes(word);
        let unused = 64 - 8 * length as u32;
        if self.signed { value << unused >> unused } else { value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SWITCH: &str = "name: sched_switch\nID: 372\nformat:\n\
        \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\
        \tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n\
        \tfield:char prev_comm[16];\toffset:8;\tsize:16;\tsigned:0;\n\
        \tfield:pid_t prev_pid;\toffset:24;\tsize:4;\tsigned:1;\n\
        \tfield:long prev_state;\toffset:32;\tsize:8;\tsigned:1;\n";

    #[test]
    fn fields_are_found_by_their_names() {
        let format = Format::parse(SWITCH, &["prev_state", "prev_pid"]).unwrap();
        let state = Field { offset: 32, size: 8, signed: true };
        let pid = Field { offset: 24, size: 4, signed: true };
        assert_eq!(format, Format { id: 372, fields: vec![state, pid] });
        assert_eq!(Format::parse(SWITCH, &["next_pid"]), None);
    }

    #[test]
    fn values_keep_their_sign() {
        let mut record = [0; 40];
        record[24..28].copy_from_slice(&(-2_i32).to_ne_bytes());
        assert_eq!(Field { offset: 24, size: 4, signed: true }.read(&record), -2);
        assert_eq!(Field { offset: 24, size: 4, signed: false }.read(&record), 0xffff_fffe);
        assert_eq!(Field { offset: 38, size: 4, signed: false }.read(&record), 0);
    }
}
