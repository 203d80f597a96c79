//! What brought other servers down.

use super::*;

#[test]
fn a_body_of_incredible_length_is_413() {
    let site = Site::new(echo);
    for length in [
        "100000000000000",
        "9223372036854775808",
        "18446744073709551615",
        "99999999999999999999",
    ] {
        let got = site.ask(&format!(
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n"
        ));
        assert_eq!(got.status, 413, "{length}");
    }
    site.check();
}

#[test]
fn a_refused_body_is_read_for_a_while_so_that_the_answer_is_seen() {
    let site = Site::new(echo);
    let mut client = site.connect();
    let head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n";
    client.send(head);
    client.send(vec![b'x'; 2_000_000]);
    assert_eq!(client.answer().status, 413);
    client.ends();
}

#[test]
fn what_comes_after_the_last_request_takes_its_answer_from_nobody() {
    let site = Site::new(echo);
    let mut client = site.connect();
    client.send(
        [
            b"GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".as_slice(),
            &[b'x'; 1_000_000],
        ]
        .concat(),
    );
    assert_eq!(client.answer().text(), "GET /last? ");
    client.ends();
}

#[test]
fn a_refused_body_is_not_read_for_ever() {
    let site = Site::with(
        |limits| {
            limits.linger = Duration::from_secs(600);
            limits.linger_bytes_max = 100_000;
        },
        echo,
    );
    let mut client = site.connect();
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n");
    let piece = vec![b'x'; 100_000];
    wait_until("it is cut", || client.stream.write_all(&piece).is_err());

    let site = Site::with(|limits| limits.linger = Duration::from_millis(20), echo);
    let mut client = site.connect();
    client.send("bad\r\n\r\n");
    assert_eq!(client.answer().status, 400);
    wait_until("it is closed", || site.connections() == 0);
}

#[test]
fn an_endless_header_line_is_431() {
    let site = Site::new(echo);
    let mut client = site.connect();
    client.send("GET / HTTP/1.1\r\nHost: h\r\nX: ");
    let piece = [b'x'; 64 * 1024];
    wait_until("it is cut", || client.stream.write_all(&piece).is_err());
    site.check();
    let mut blank = site.connect();
    wait_until("so is a flood of nothing", || {
        // Empty lines are no request, however many: they are skipped, and the connection stays idle.
        blank.stream.write_all(&[b'\n'; 64 * 1024]).unwrap();
        blank.send(GET);
        blank.answer().status == 200
    });
}

#[test]
fn resets_at_every_moment_harm_nobody() {
    let site = Site::with(|limits| limits.threads = 2, echo);
    let big = format!(
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\n{}",
        "x".repeat(900_000)
    );
    for round in 0..300 {
        let mut client = site.connect();
        let _ = match round % 5 {
            0 => Ok(()),
            1 => client.stream.write_all(&GET.as_bytes()[..10]),
            2 => client.stream.write_all(GET.as_bytes()),
            3 => client.stream.write_all(&big.as_bytes()[..500_000]),
            _ => client.stream.write_all(big.as_bytes()),
        };
        rustix::net::sockopt::set_socket_linger(&client.stream, Some(Duration::ZERO)).unwrap();
        drop(client);
    }
    site.check();
    wait_until("all are closed", || site.connections() == 0);
}

#[test]
fn a_flood_of_pipelined_requests_is_answered_at_its_readers_pace() {
    let site = Site::with(|limits| limits.threads = 1, echo);
    let mut flood = site.connect();
    flood.stream.set_nonblocking(true).unwrap();
    // As much as the sockets hold without a byte being read.
    let requests = GET.repeat(1_000);
    let mut sent = 0;
    let mut stuck = 0;
    wait_until("the flood is held back", || {
        match flood.stream.write(&requests.as_bytes()[sent % GET.len()..]) {
            Ok(written) => {
                sent += written;
                stuck = 0;
                false
            }
            Err(_) => {
                stuck += 1;
                stuck > 100
            }
        }
    });
    site.check();
    flood.stream.set_nonblocking(false).unwrap();
    for _ in 0..sent / GET.len() {
        assert_eq!(flood.answer().status, 200);
    }
}

#[test]
fn a_hidden_second_request_is_never_answered() {
    let site = Site::new(echo);
    let hidden = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n";
    for fields in [
        "Content-Length: abc",
        "Content-Length: 5\r\nContent-Length: 0",
        "Content-Length: 0\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding:\u{b}chunked",
    ] {
        let mut client = site.connect();
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n{hidden}"
        ));
        let got = client.answer();
        assert!(matches!(got.status, 400 | 501), "{fields}: {got:?}");
        client.ends();
    }
}

#[test]
fn small_answers_do_not_wait_for_acknowledgements() {
    let site = Site::new(echo);
    let _client = site.connect();
    wait_until("it is there", || site.connections() == 1);
    for glance in site.server.hub.table.glances() {
        if let table::Glance::Taken(mut taken) = glance {
            let socket = taken.connection().wire();
            assert!(rustix::net::sockopt::tcp_nodelay(socket).unwrap());
            assert!(rustix::net::sockopt::socket_keepalive(socket).unwrap());
        }
    }
}
