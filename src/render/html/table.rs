//! Tables that read at any width: where the page is narrow, a row stands as a block of its own, each cell below
//! the one before with the name of its column; a matrix scrolls by itself, and the names of its rows stay.

use std::io::{self, Write};

use super::{breakable, text};

/// A table under way.
pub(in crate::render) struct Table<'a> {
    columns: &'a [&'a str],
    /// Whether its rows stand as blocks on narrow screens.
    stacks: bool,
}

/// What stands in one cell.
pub(in crate::render) struct TableCell {
    /// Classes of its colour and its breaks.
    class: &'static str,
    /// Its content, as HTML.
    html: String,
    /// Whether it names its row.
    is_head: bool,
}

impl TableCell {
    /// A cell that names its row.
    pub(in crate::render) fn head(html: String) -> Self {
        Self { class: "", html, is_head: true }
    }

    /// Any other.
    pub(in crate::render) fn of(html: String) -> Self {
        Self::classed("", html)
    }

    /// One in a colour, or with breaks of its own.
    pub(in crate::render) fn classed(class: &'static str, html: String) -> Self {
        Self { class, html, is_head: false }
    }

    /// A name that can be copied.
    pub(in crate::render) fn code(name: &str) -> Self {
        Self::of(if name.is_empty() {
            String::new()
        } else {
            format!("<code>{}</code>", breakable(name))
        })
    }
}

impl<'a> Table<'a> {
    /// Begins a table of records.
    ///
    /// # Errors
    /// Those of the writer.
    pub(in crate::render) fn of_records(
        caption: &str,
        columns: &'a [&'a str],
        out: &mut dyn Write,
    ) -> io::Result<Self> {
        Self::begin(caption, columns, true, out)
    }

    /// Begins a table whose columns mean nothing without each other.
    ///
    /// # Errors
    /// Those of the writer.
    pub(in crate::render) fn matrix(
        caption: &str,
        columns: &'a [&'a str],
        out: &mut dyn Write,
    ) -> io::Result<Self> {
        Self::begin(caption, columns, false, out)
    }

    // A browser may take a table whose rows are blocks for no table, unless the roles say what they are.
    fn begin(
        caption: &str,
        columns: &'a [&'a str],
        stacks: bool,
        out: &mut dyn Write,
    ) -> io::Result<Self> {
        let class = if stacks { "records" } else { "matrix" };
        writeln!(
            out,
            "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{0}\"><table class=\"{class}\" role=\"table\"><caption>{0}</caption><thead role=\"rowgroup\"><tr role=\"row\">",
            text(caption)
        )?;
        for column in columns {
            write!(out, "<th scope=\"col\" role=\"columnheader\">{}</th>", text(column))?;
        }
        writeln!(out, "</tr></thead><tbody role=\"rowgroup\">")?;
        Ok(Self { columns, stacks })
    }

    /// A row, with a cell a column.
    ///
    /// # Errors
    /// Those of the writer.
    pub(in crate::render) fn row(
        &self,
        cells: impl IntoIterator<Item = TableCell>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        write!(out, "<tr role=\"row\">")?;
        for (cell, column) in cells.into_iter().zip(self.columns) {
            let class = match cell.class {
                "" => String::new(),
                class => format!(" class=\"{class}\""),
            };
            if cell.is_head {
                write!(out, "<th scope=\"row\" role=\"rowheader\"{class}>{}</th>", cell.html)?;
                continue;
            }
            let label = match self.stacks {
                true => format!(" data-label=\"{}\"", text(column)),
                false => String::new(),
            };
            write!(out, "<td role=\"cell\"{class}{label}>{}</td>", cell.html)?;
        }
        writeln!(out, "</tr>")
    }

    /// Ends it.
    ///
    /// # Errors
    /// Those of the writer.
    pub(in crate::render) fn end(self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "</tbody></table></div>")
    }
}
