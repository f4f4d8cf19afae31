//! A TCP proxy on loopback between somebody and a server, that can be cut, go silent and lead elsewhere.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Connections through one proxy at once.
const CONNECTIONS_MAX: usize = 256;

/// How often a silent connection looks whether it may go on.
const PAUSE: Duration = Duration::from_millis(20);

/// The proxy. It ends with its owner's process.
pub struct Proxy {
    port: u16,
    way: Arc<Way>,
}

struct Way {
    target: AtomicU16,
    /// New connections are refused.
    refuses: AtomicBool,
    /// Nothing passes, and nobody is told.
    silent: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// Leads to this port.
    pub fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let way = Arc::new(Way {
            target: AtomicU16::new(target),
            refuses: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            open: Mutex::default(),
        });
        let accepting = Arc::clone(&way);
        begun(move || {
            for stream in listener.incoming().flatten() {
                accepting.connect(stream);
            }
        });
        Self { port, way }
    }

    /// Where to connect.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Resets what is open, and refuses what comes.
    pub fn cut(&self) {
        self.way.refuses.store(true, Ordering::SeqCst);
        self.way.close_all();
    }

    /// Nothing passes any more, in neither direction, and nobody is told.
    pub fn silence(&self) {
        self.way.silent.store(true, Ordering::SeqCst);
    }

    /// Everything passes again. What was held back while it was silent is lost with its connections.
    pub fn mend(&self) {
        if self.way.silent.swap(false, Ordering::SeqCst) {
            self.way.close_all();
        }
        self.way.refuses.store(false, Ordering::SeqCst);
    }

    /// New connections lead to another port; the old ones are cut.
    pub fn lead_to(&self, target: u16) {
        self.way.target.store(target, Ordering::SeqCst);
        self.way.close_all();
    }
}

fn begun(work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().name("proxy".to_owned()).spawn(work).expect("a thread");
}

impl Way {
    fn connect(self: &Arc<Self>, client: TcpStream) {
        let mut open = self.open.lock().unwrap();
        if self.refuses.load(Ordering::SeqCst) || open.len() + 2 > CONNECTIONS_MAX {
            return;
        }
        let Ok(server) = TcpStream::connect(("127.0.0.1", self.target.load(Ordering::SeqCst))) else {
            return;
        };
        for stream in [&client, &server] {
            stream.set_read_timeout(Some(PAUSE)).unwrap();
            stream.set_nodelay(true).unwrap();
            open.push(stream.try_clone().unwrap());
        }
        let (client_too, server_too) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let (there, back) = (Arc::clone(self), Arc::clone(self));
        begun(move || there.pass(client, server));
        begun(move || back.pass(server_too, client_too));
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = vec![0; 64 * 1024];
        loop {
            if self.silent.load(Ordering::SeqCst) {
                thread::sleep(PAUSE);
                if from.take_error().is_err() {
                    break;
                }
                continue;
            }
            match from.read(&mut bytes) {
                Ok(0) => break,
                // What was read just before nobody was to be heard is not passed on.
                Ok(_) if self.silent.load(Ordering::SeqCst) => {}
                Ok(count) => {
                    if to.write_all(&bytes[..count]).is_err() {
                        break;
                    }
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => break,
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }

    fn close_all(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
