//! Out of descriptors. The limit is the whole process's, so the test runs in a process of its own.

use std::fs::File;

use super::*;

#[test]
fn running_out_of_descriptors_ends_nothing() {
    alone(
        "http::tests::descriptors::inner_out_of_descriptors",
        "ulimit -n 64",
    );
}

/// Run by the test above. Both ends of each connection are in this process.
#[test]
#[ignore = "changes the limits of its process"]
fn inner_out_of_descriptors() {
    let site = Site::new(echo);
    let answered = |client: &mut Client<TcpStream>| {
        client.send(GET);
        client.answer().status
    };
    let mut clients: Vec<_> = (0..5).map(|_| site.connect()).collect();
    assert!(clients.iter_mut().all(|client| answered(client) == 200));
    site.wait_for_idle(5);
    let mut hoard = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        hoard.push(file);
    }

    // An idle connection is given up for a new one: the descriptor set free here is the client's.
    for _ in 0..10 {
        hoard.pop();
        let mut new = site.connect();
        assert_eq!(answered(&mut new), 200);
        clients.push(new);
        site.wait_for_idle(5);
    }

    // With no idle one, a new client is turned away by way of the spare descriptor.
    for client in &mut clients[10..] {
        client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n");
    }
    site.wait_for_idle(0);
    for _ in 0..3 {
        hoard.pop();
        let mut late = site.connect();
        assert_eq!(late.answer().status, 503);
        late.ends();
        drop(late);
        hoard.push(File::open("/dev/null").unwrap());
    }

    hoard.clear();
    site.check();
    for client in &mut clients[10..] {
        client.send("x");
        assert_eq!(client.answer().status, 200);
    }
}
