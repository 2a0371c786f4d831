//! Standard output and standard error: nothing else in the library writes to a terminal, but for what is
//! drawn ([`super::progress`]) and clap's own help.
//!
//! Everything that goes to standard error is [`Inert`], whatever it is. A reader that goes away (`| head`) stops
//! nothing and hides nothing: what was asked for is done to its end, and the exit code says how it went.

use std::io::{self, BufWriter, ErrorKind, Stderr, Stdout, Write};

use rustix::fs::FileType;
use rustix::io::Errno;

use crate::diag::Diagnostic;
use crate::render::inert::{Inert, inert};
use crate::render::style::safe_lines;
use crate::render::{self, Style};

/// Standard output, buffered; flush it.
#[must_use]
pub fn stdout() -> BufWriter<Unread<Stdout>> {
    let out = io::stdout();
    // A terminal that has hung up is still this kind of file, though it is no terminal any more.
    let is_terminal = rustix::fs::fstat(&out)
        .is_ok_and(|file| FileType::from_raw_mode(file.st_mode).is_char_device());
    BufWriter::new(Unread::new(out, is_terminal))
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
    is_terminal: bool,
    gone: bool,
}

impl<W> Unread<W> {
    fn new(inner: W, is_terminal: bool) -> Self {
        Self { inner, is_terminal, gone: false }
    }

    /// Whether the reader has gone: a pipe or a socket is closed, a terminal has hung up (termio(4): `EIO`, which of a
    /// file is a fault of its disk).
    fn has_lost_reader(&self, error: &io::Error) -> bool {
        let is_io = || error.raw_os_error() == Some(Errno::IO.raw_os_error());
        match error.kind() {
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => true,
            _ => self.is_terminal && is_io(),
        }
    }
}

impl<W: Write> Write for Unread<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.gone {
            return Ok(bytes.len());
        }
        match self.inner.write(bytes) {
            Err(error) if self.has_lost_reader(&error) => {
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
            Err(error) if self.has_lost_reader(&error) => {
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

    /// Takes a few bytes and then has no reader, which is said so.
    struct Head(usize, fn() -> io::Error);

    impl Write for Head {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(self.1());
            }
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            if self.0 == 0 { Err(self.1()) } else { Ok(()) }
        }
    }

    #[test]
    fn writing_goes_on_without_a_reader() {
        let hung_up: fn() -> io::Error = || Errno::IO.into();
        let closed =
            [|| ErrorKind::BrokenPipe.into(), || ErrorKind::ConnectionReset.into(), hung_up];
        for error in closed {
            let mut out = Unread::new(Head(3, error), true);
            out.write_all(b"hello").unwrap();
            out.write_all(b"world").unwrap();
            out.flush().unwrap();
            assert!(out.gone);
        }
        let mut file = Unread::new(Head(3, hung_up), false);
        file.write_all(b"hello").unwrap_err();
    }
}
