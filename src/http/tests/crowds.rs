//! Many clients at once.

use std::sync::Barrier;
use std::thread;

use super::*;

#[test]
fn clients_that_connect_together_are_all_answered() {
    for count in [6, 64] {
        let site = Site::new(echo);
        let barrier = Barrier::new(count);
        thread::scope(|scope| {
            for _ in 0..count {
                scope.spawn(|| {
                    let mut client = site.connect();
                    for _ in 0..20 {
                        // All of them are open and idle together before each request.
                        barrier.wait();
                        client.send(GET);
                        assert_eq!(client.answer().status, 200);
                    }
                });
            }
        });
    }
}

#[test]
fn connections_come_and_go() {
    let site = Site::new(echo);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..500).for_each(|_| site.check()));
        }
    });
    wait_until("all are closed", || site.connections() == 0);
}

#[test]
fn a_thousand_slow_heads_keep_nobody_out() {
    let site = Site::with(
        |limits| {
            limits.threads = 2;
            limits.connections_max = 300;
        },
        echo,
    );
    let mut slow = Vec::new();
    for _ in 0..1_000 {
        let mut client = site.connect();
        client.send("GET / HTTP/1.1\r\n");
        slow.push(client);
        if slow.len() % 100 == 0 {
            site.check();
        }
    }
    assert!(site.connections() <= 300);
}

#[test]
fn a_thousand_idle_connections_need_no_thread_and_little_memory() {
    alone(
        "http::tests::crowds::inner_a_thousand_idle",
        "ulimit -n 4096",
    );
}

/// Run by the test above.
#[test]
#[ignore = "counts the threads and the memory of its process"]
fn inner_a_thousand_idle() {
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let resident_pages = || {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap()
    };
    let site = Site::new(echo);
    site.check();
    let before = (threads(), resident_pages());
    let mut clients: Vec<_> = (0..1_000).map(|_| site.connect()).collect();
    for client in &mut clients {
        client.send(GET);
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(site.connections(), 1_000);
    assert_eq!(threads(), before.0);
    // That is with the clients' ends, which are in this process as well.
    let bytes_each = (resident_pages() - before.1) * 4096 / 1_000;
    assert!(bytes_each < 4096, "{bytes_each}");
    for client in &mut clients {
        client.send(GET);
        assert_eq!(client.answer().status, 200);
    }
}
