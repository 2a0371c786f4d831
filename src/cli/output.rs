//! Standard output. A reader that goes away (`| head`) stops nothing and hides nothing: what was asked for
//! is done to its end, and the exit code says how it went.

use std::io::{self, BufWriter, ErrorKind, Stdout, Write};

/// Standard output, buffered; flush it.
#[must_use]
pub fn stdout() -> BufWriter<Unread<Stdout>> {
    BufWriter::new(Unread::new(io::stdout()))
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
