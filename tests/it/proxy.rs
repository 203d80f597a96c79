//! The example for nginx in front of the server, as it is shipped but for addresses and files. Left out where there is
//! no nginx.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::support::{Server, TempDir, wait_until};

const EXAMPLE: &str = include_str!("../../contrib/proxy/nginx.conf");
const NAME: &str = "jobs.example.com";

/// nginx, which ends with the test.
struct Nginx {
    child: Child,
    dir: TempDir,
    port: u16,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Nginx {
    /// nginx in front of a server, if there is one here.
    fn before(server: &Server) -> Option<Nginx> {
        Command::new("nginx")
            .arg("-v")
            .stderr(Stdio::null())
            .status()
            .ok()?;
        let dir = TempDir::new();
        let at = |file: &str| dir.path().join(file).display().to_string();
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([NAME.to_owned()]).unwrap();
        fs::write(at("pem"), cert.pem()).unwrap();
        fs::write(at("key"), signing_key.serialize_pem()).unwrap();
        // Free a moment ago, which is the best that can be had of a program that takes no port 0.
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let example = EXAMPLE
            .replace("listen 443", &format!("listen 127.0.0.1:{port}"))
            .replace("127.0.0.1:8000", &format!("127.0.0.1:{}", server.port()))
            .replace("/etc/nginx/jobs.example.com.pem", &at("pem"))
            .replace("/etc/nginx/jobs.example.com.key", &at("key"));
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {};", at(name)));
        let frame = format!(
            "daemon off; master_process off; pid {}; error_log stderr;\nevents {{}}\nhttp {{ access_log off; {}\n{example}}}",
            at("pid"),
            paths.join(" ")
        );
        fs::write(at("conf"), frame).unwrap();
        let child = Command::new("nginx")
            .args(["-p", &at(""), "-c", &at("conf")])
            .spawn()
            .unwrap();
        Some(Nginx { child, dir, port })
    }

    /// curl, which takes nginx for the host of the example.
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
    let Some(nginx) = Nginx::before(&server) else {
        return;
    };
    wait_until("nginx listens", || {
        nginx
            .curl(&[], "/healthz")
            .output()
            .unwrap()
            .status
            .success()
    });
    let mut curl = nginx.curl(&["--no-buffer"], "/api/v1/events/");
    let mut following = curl.stdout(Stdio::piped()).spawn().unwrap();
    let mut events = BufReader::new(following.stdout.take().unwrap()).lines();
    assert!(
        events.next().unwrap().is_ok(),
        "the beginning is not held back"
    );

    let job = r#"{"name": "x", "command": "echo behind", "schedule": "@manual"}"#;
    let origin = format!("Origin: https://{NAME}:{}", nginx.port);
    let created = nginx
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

    let foreign = nginx
        .curl(
            &["--header", "Origin: https://evil.example"],
            "/api/v1/job/",
        )
        .output()
        .unwrap();
    assert!(!foreign.status.success());
    let page = nginx
        .curl(&["--compressed"], "/webui/jobs")
        .output()
        .unwrap();
    assert!(
        String::from_utf8_lossy(&page.stdout).contains("<html"),
        "{page:?}"
    );
}
