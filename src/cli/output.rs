//! Standard output and standard error: nothing else in the library writes to a terminal, but for what is
//! drawn ([`super::progress`]) and clap's own help.
//!
//! Everything that goes to standard error is [`Inert`], whatever it is. A reader that goes away (`| head`) stops
//! nothing and hides nothing: what was asked for is done to its end, and the exit code says how it went.

use std::io::{self, BufWriter, ErrorKind, Stderr, Stdout, Write};

use crate::diag::Diagnostic;
use crate::render::inert::{Inert, inert};
use crate::render::style::safe_lines;
use crate::render::{self, Style};

/// Standard output, buffered; flush it.
#[must_use]
pub fn stdout() -> BufWriter<Unread<Stdout>> {
    BufWriter::new(Unread::new(io::stdout()))
}

/// Standard error; what is written is there when the writer is flushed or dropped.
#[must_use]
pub fn stderr() -> Inert<Stderr> {
    Inert::new(io::stderr())
}

/// Plain text as a terminal may have it: nothing in it steers one, or is a command to a pipeline's runner.
#[must_use]
pub fn quiet(text: &str) -> String {
    inert(&safe_lines(text), true).into_owned()
}

/// A line on standard error, or several. Names in it may come from anywhere.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{}", quiet(text));
}

/// A line of `render`, which has made the names in it safe and may have painted it.
pub fn say_painted(line: &str) {
    let _ = writeln!(io::stderr(), "{}", inert(line, true));
}

/// A question on standard error, whose answer stands on the same line.
pub fn ask(question: &str) {
    let mut err = io::stderr();
    let _ = write!(err, "{}", quiet(question));
    let _ = err.flush();
}

/// Diagnostics on standard error.
pub fn tell<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>, style: &Style) {
    let _ = render::diagnostics::write(diagnostics, style, &mut stderr());
}

/// A writer that goes on without its reader: what is written after it went away is dropped.
#[derive(Debug)]
pub struct Unread<W> {
    inner: W,
    gone: bool,
}

impl<W> Unread<W> {
    fn new(inner: W) -> Self {
        Self { inner, gone: false }
    }
}

impl<W: Write> Write for Unread<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.gone {
            return Ok(bytes.len());
        }
        match self.inner.write(bytes) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.gone = true;
                Ok(bytes.len())
            }
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.gone {
            return Ok(());
        }
        match self.inner.flush() {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.gone = true;
                Ok(())
            }
            flushed => flushed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a few bytes and then has no reader.
    struct Head(usize);

    impl Write for Head {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(ErrorKind::BrokenPipe.into());
            }
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            if self.0 == 0 { Err(ErrorKind::BrokenPipe.into()) } else { Ok(()) }
        }
    }

    #[test]
    fn writing_goes_on_without_a_reader() {
        let mut out = Unread::new(Head(3));
        out.write_all(b"hello").unwrap();
        out.write_all(b"world").unwrap();
        out.flush().unwrap();
        assert!(out.gone);
    }
}
