//! What a terminal shows once it has read these bytes: a small emulator, as strict as xterm. It knows the sequences that
//! the plugin may use and panics at any other one.
use std::fmt;

use unicode_width::UnicodeWidthChar;

/// The size of a terminal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size {
    pub columns: u16,
    pub lines: u16,
}

/// A terminal that scrolls without end.
pub struct Screen {
    width: usize,
    height: usize,
    /// Of each row its cells. The second cell of a wide character is empty.
    rows: Vec<Vec<String>>,
    row: usize,
    column: usize,
    pub is_cursor_shown: bool,
    /// Whether a colour or another style was used.
    pub has_style: bool,
    /// Lines that were wider than the terminal when they were written.
    pub too_wide: Vec<String>,
    /// The lines that were shown each time when a picture was complete.
    pub pictures: Vec<Vec<String>>,
}

impl Screen {
    pub fn new(size: Size) -> Self {
        Self {
            width: size.columns.into(),
            height: size.lines.into(),
            rows: vec![Vec::new()],
            row: 0,
            column: 0,
            is_cursor_shown: true,
            has_style: false,
            too_wide: Vec::new(),
            pictures: Vec::new(),
        }
    }

    /// All lines that were not written over, without the empty ones at the end.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.rows.iter().map(|row| row.concat().trim_end().to_owned()).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    /// Most terminals break lines that have become too long. A longer line does not come together again, because the plugin
    /// ends each of its lines.
    pub fn resize(&mut self, size: Size) {
        (self.width, self.height) = (size.columns.into(), size.lines.into());
        let rows = std::mem::take(&mut self.rows);
        let above = self.row;
        for (number, row) in rows.into_iter().enumerate() {
            if number == above {
                self.row = self.rows.len();
            }
            // Spaces that were written count.
            let parts = row.chunks(self.width).map(<[String]>::to_vec);
            self.rows.extend(if row.is_empty() { vec![Vec::new()] } else { parts.collect() });
        }
        self.column = self.column.min(self.width);
    }

    /// Reads bytes up to the last that belong to a whole character or sequence, and returns how many these were.
    pub fn read(&mut self, bytes: &[u8]) -> usize {
        let text = match str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => str::from_utf8(&bytes[..error.valid_up_to()]).unwrap(),
        };
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if c != '\x1b' {
                rest = &rest[c.len_utf8()..];
                self.write(c);
                continue;
            }
            let Some(end) = rest.find(|c: char| c.is_ascii_alphabetic()) else { break };
            self.obey(&rest[1..=end]);
            rest = &rest[end + 1..];
        }
        text.len() - rest.len()
    }

    fn write(&mut self, c: char) {
        match c {
            '\r' => self.column = 0,
            '\n' => self.go_down(),
            _ => {
                let width = c.width().unwrap_or_else(|| panic!("the control character {c:?} on a terminal"));
                if width == 0 {
                    let cell = self.rows[self.row][..self.column].iter_mut().rfind(|cell| !cell.is_empty());
                    cell.expect("a character to combine with").push(c);
                    return;
                }
                if self.column + width > self.width {
                    self.too_wide.push(self.rows[self.row].concat());
                    self.column = 0;
                    self.go_down();
                }
                let row = &mut self.rows[self.row];
                if row.len() < self.column + width {
                    row.resize(self.column + width, " ".to_owned());
                }
                row[self.column..self.column + width].fill(String::new());
                row[self.column] = c.to_string();
                self.column += width;
            }
        }
    }

    fn go_down(&mut self) {
        self.row += 1;
        if self.row == self.rows.len() {
            self.rows.push(Vec::new());
        }
    }

    fn erase_rest_of_line(&mut self) {
        // Behind a full line the cursor of xterm still stands on the last character.
        assert!(
            self.column < self.width,
            "the last character of a full line is erased: {:?}",
            self.rows[self.row].concat()
        );
        self.rows[self.row].truncate(self.column);
    }

    fn obey(&mut self, sequence: &str) {
        match sequence {
            "[?25l" => self.is_cursor_shown = false,
            "[?25h" => self.is_cursor_shown = true,
            "[K" => self.erase_rest_of_line(),
            "[J" => {
                self.erase_rest_of_line();
                self.rows.truncate(self.row + 1);
                self.pictures.push(self.lines());
            }
            _ if sequence.ends_with('m') => self.has_style = true,
            _ => {
                let rows = sequence.strip_prefix('[').and_then(|text| text.strip_suffix('A')?.parse::<usize>().ok());
                let rows = rows.unwrap_or_else(|| panic!("the unknown sequence ESC {sequence}"));
                assert!(rows < self.height, "{rows} rows up on a terminal of {} lines", self.height);
                self.row = self.row.checked_sub(rows).expect("a row above");
            }
        }
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let picture = self.pictures.iter().rev().nth(1).into_iter().flatten();
        let cursor = if self.is_cursor_shown { "shown" } else { "hidden" };
        writeln!(f, "{} columns, {} pictures, cursor {cursor}, one of the last:", self.width, self.pictures.len())?;
        picture.chain([&"now:".to_owned()]).chain(&self.lines()).try_for_each(|line| writeln!(f, "    {line}"))?;
        writeln!(f, "too wide: {:?}", self.too_wide)
    }
}
