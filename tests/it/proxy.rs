//! The examples for nginx and Caddy in front of the server, as they are shipped but for addresses and files. Each is left
//! out where there is no such program.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::support::{Server, TempDir, wait_until};

const NGINX: &str = include_str!("../../contrib/proxy/nginx.conf");
const CADDY: &str = include_str!("../../contrib/proxy/Caddyfile");
const NAME: &str = "jobs.example.com";

/// A proxy, which ends with the test.
struct Proxy {
    child: Child,
    dir: TempDir,
    port: u16,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What an example is to be changed to: where the proxy listens, and its files.
struct Site<'a> {
    port: u16,
    dir: &'a Path,
}

impl Site<'_> {
    fn file(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    /// nginx with the example in a frame, as Debian's own file is.
    fn nginx(&self, example: &str) -> Command {
        let example = example
            .replace("listen 443", &format!("listen 127.0.0.1:{}", self.port))
            .replace("/etc/nginx/jobs.example.com.pem", &self.file("pem"))
            .replace("/etc/nginx/jobs.example.com.key", &self.file("key"));
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {};", self.file(name)));
        let frame = format!(
            "daemon off; master_process off; pid {}; error_log stderr;\nevents {{}}\nhttp {{ access_log off; {}\n{example}}}",
            self.file("pid"),
            paths.join(" ")
        );
        fs::write(self.file("conf"), frame).unwrap();
        let mut nginx = Command::new("nginx");
        nginx.args(["-p", &self.file(""), "-c", &self.file("conf")]);
        nginx
    }

    /// Caddy with a certificate of the test's, since nobody gives it one here.
    fn caddy(&self, example: &str) -> Command {
        let address = format!(
            "https://{NAME}:{} {{\n\tbind 127.0.0.1\n\ttls {} {}",
            self.port,
            self.file("pem"),
            self.file("key")
        );
        let example = example.replacen(&format!("\n{NAME} {{"), &format!("\n{address}"), 1);
        let alone = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n";
        fs::write(self.file("conf"), format!("{alone}{example}")).unwrap();
        let mut caddy = Command::new("caddy");
        caddy
            .args([
                "run",
                "--adapter",
                "caddyfile",
                "--config",
                &self.file("conf"),
            ])
            .env("HOME", self.dir)
            .env("XDG_DATA_HOME", self.dir)
            .env("XDG_CONFIG_HOME", self.dir);
        caddy
    }
}

impl Proxy {
    /// A proxy in front of a server, if it is installed here: `command` makes one of an example.
    fn before(
        server: &Server,
        (program, version): (&str, &str),
        example: &str,
        command: fn(&Site<'_>, &str) -> Command,
    ) -> Option<Proxy> {
        let installed = Command::new(program)
            .arg(version)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if installed.is_err() {
            println!("skipped: {program} is not installed here");
            return None;
        }
        let dir = TempDir::new();
        // Free a moment ago, which is the best that can be had of programs that take no port 0.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let site = Site {
            port,
            dir: dir.path(),
        };
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([NAME.to_owned()]).unwrap();
        fs::write(site.file("pem"), cert.pem()).unwrap();
        fs::write(site.file("key"), signing_key.serialize_pem()).unwrap();
        let example = example.replace("127.0.0.1:8000", &format!("127.0.0.1:{}", server.port()));
        let child = command(&site, &example).spawn().unwrap();
        Some(Proxy { child, dir, port })
    }

    /// curl, which takes the proxy for the host of the example.
    fn curl(&self, words: &[&str], path: &str) -> Command {
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--fail-with-body",
            "--max-time",
            "60",
        ])
        .args([
            "--resolve",
            &format!("{NAME}:{}:127.0.0.1", self.port),
            "--cacert",
        ])
        .arg(self.dir.path().join("pem"))
        .args(words)
        .arg(format!("https://{NAME}:{}{path}", self.port));
        curl
    }
}

#[test]
fn the_server_works_behind_nginx() {
    let server = Server::with(&["--allow-host", NAME]);
    if let Some(nginx) = Proxy::before(&server, ("nginx", "-v"), NGINX, |site, example| {
        site.nginx(example)
    }) {
        works(&nginx);
    }
}

#[test]
fn the_server_works_behind_caddy() {
    let server = Server::with(&["--allow-host", NAME]);
    if let Some(caddy) = Proxy::before(&server, ("caddy", "version"), CADDY, |site, example| {
        site.caddy(example)
    }) {
        works(&caddy);
    }
}

/// What a browser and a script need works through the proxy.
fn works(proxy: &Proxy) {
    wait_until("the proxy listens", || {
        proxy
            .curl(&[], "/healthz")
            .output()
            .unwrap()
            .status
            .success()
    });
    let mut curl = proxy.curl(&["--no-buffer"], "/api/v1/events/");
    let mut following = curl.stdout(Stdio::piped()).spawn().unwrap();
    let mut events = BufReader::new(following.stdout.take().unwrap()).lines();
    assert!(
        events.next().unwrap().is_ok(),
        "the beginning is not held back"
    );

    let job = r#"{"name": "x", "command": "echo behind", "schedule": "@manual"}"#;
    let origin = format!("Origin: https://{NAME}:{}", proxy.port);
    let created = proxy
        .curl(&["--header", &origin, "--data", job], "/api/v1/job/")
        .output()
        .unwrap();
    assert!(created.status.success(), "{created:?}");
    let seen = events
        .map(Result::unwrap)
        .find(|line| line.contains("job_created"));
    assert!(seen.is_some(), "events are not held back");
    following.kill().unwrap();
    following.wait().unwrap();

    let foreign = proxy
        .curl(
            &["--header", "Origin: https://evil.example"],
            "/api/v1/job/",
        )
        .output()
        .unwrap();
    assert!(!foreign.status.success());
    let page = proxy
        .curl(&["--compressed"], "/webui/jobs")
        .output()
        .unwrap();
    assert!(
        String::from_utf8_lossy(&page.stdout).contains("<html"),
        "{page:?}"
    );
}
