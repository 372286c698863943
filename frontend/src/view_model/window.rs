//! Which rows of a long table are in the document.

/// The rows that are in the document, and the room that is kept for those before them. Lengths are in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    pub first: usize,
    /// Behind the last one.
    pub end: usize,
    /// How high the rows before the first are, as far as it is known.
    pub above: f64,
    /// How high a row is that was never seen.
    pub typical: f64,
    /// Whether `typical` is that of rows that were seen, and not guessed.
    measured: bool,
}

/// What of a table can be seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sight {
    /// Where it begins, from the top of the first row; below zero if there is something before the table.
    pub top: f64,
    pub height: f64,
}

/// How high a row is before any was measured.
const GUESS: f64 = 46.0;
/// How many rows are shown before it is known what can be seen: a screenful.
const FIRST_ROWS: usize = 30;

impl Default for Window {
    fn default() -> Self {
        Window { first: 0, end: FIRST_ROWS, above: 0.0, typical: GUESS, measured: false }
    }
}

impl Window {
    /// The same place in a table of `all` rows, of which what was the first of the window is at `first` now.
    #[must_use]
    pub fn moved(self, first: usize, all: usize) -> Self {
        let count = (self.end - self.first).max(FIRST_ROWS);
        let first = first.min(all.saturating_sub(count));
        let above = if first == 0 { 0.0 } else { self.above };
        Window { first, end: (first + count).min(all), above, ..self }
    }

    /// A table of `all` rows with every one of them in the document.
    #[must_use]
    pub fn whole(self, all: usize) -> Self {
        Window { first: 0, end: all, above: 0.0, ..self }
    }

    /// How much room is kept for the rows behind the last one.
    #[must_use]
    pub fn below(&self, all: usize) -> f64 {
        all.saturating_sub(self.end) as f64 * self.typical
    }

    /// Where a row is that is not in the document.
    #[must_use]
    pub fn place_of(&self, row: usize) -> f64 {
        if row < self.first {
            self.above * row as f64 / self.first as f64
        } else {
            row.saturating_sub(self.end) as f64 * self.typical
        }
    }

    /// The window for what can be seen now, with a margin before and behind it, out of `all` rows. `heights` are those of
    /// the rows of this window. It stays as long as some of the margin is left.
    #[must_use]
    pub fn followed(mut self, sight: Sight, heights: &[f64], all: usize) -> Self {
        let (span, margin) = (heights.iter().sum::<f64>(), sight.height);
        let mean = if heights.is_empty() { self.typical } else { span / heights.len() as f64 };
        if !(self.measured || heights.is_empty()) {
            (self.typical, self.measured) = (mean, true);
        }
        let bottom = self.above + span;
        let is_early = self.first == 0 || self.above <= sight.top - margin / 2.0;
        let is_late = self.end >= all || bottom >= sight.top + sight.height + margin / 2.0;
        if is_early && is_late && span < 5.0 * sight.height {
            return self;
        }
        let (from, to) = (sight.top - margin, sight.top + sight.height + margin);
        if sight.top >= bottom || sight.top + sight.height <= self.above {
            self.typical = mean;
            self.jump(from, to, all);
        } else {
            self.slide(from, to, heights, all);
        }
        self
    }

    /// To another part of the table, where no height is known.
    fn jump(&mut self, from: f64, to: f64, all: usize) {
        let count = (((to - from) / self.typical).ceil() as usize).max(1);
        self.first = ((from / self.typical).max(0.0) as usize).min(all.saturating_sub(count));
        self.end = (self.first + count).min(all);
        self.above = self.first as f64 * self.typical;
    }

    /// A little further: rows that leave have known heights.
    fn slide(&mut self, from: f64, to: f64, heights: &[f64], all: usize) {
        let mut bottom = self.above + heights.iter().sum::<f64>();
        for height in heights.iter().rev().take_while(|height| **height > 0.0) {
            if bottom - height < to || self.end <= self.first + 1 {
                break;
            }
            (bottom, self.end) = (bottom - height, self.end - 1);
        }
        while bottom < to && self.end < all {
            (bottom, self.end) = (bottom + self.typical, self.end + 1);
        }
        for height in heights {
            if self.above + height > from || self.first + 1 >= self.end {
                break;
            }
            (self.above, self.first) = (self.above + height, self.first + 1);
        }
        while self.above > from && self.first > 0 {
            (self.above, self.first) = (self.above - self.typical, self.first - 1);
        }
        if self.first == 0 {
            self.above = 0.0;
        } else if self.above <= 0.0 {
            self.above = self.first as f64 * self.typical;
        }
    }
}
