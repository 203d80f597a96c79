//! Shared job databases: the servers that other tests use start, stop, stand still and go on; and stories of one and of
//! several of ours on each kind of them.

#[cfg(any(feature = "redis", feature = "postgres", feature = "mysql"))]
mod absence;
#[cfg(any(feature = "redis", feature = "postgres", feature = "mysql"))]
mod fullness;
#[cfg(any(feature = "redis", feature = "postgres", feature = "mysql"))]
mod keeping;
#[cfg(any(feature = "redis", feature = "postgres", feature = "mysql"))]
mod leases;
#[cfg(any(feature = "redis", feature = "postgres", feature = "mysql"))]
mod place;
#[cfg(any(feature = "redis", feature = "postgres", feature = "mysql"))]
mod upkeep;

use std::net::{Ipv4Addr, TcpStream};

use crate::support::databases::{Database, Kind};

#[test]
fn servers_start_and_stop_and_start_again() {
    for kind in [Kind::Redis, Kind::Postgres, Kind::MariaDb] {
        let Some(mut database) = Database::start(kind) else {
            continue;
        };
        let connect = |port| TcpStream::connect((Ipv4Addr::LOCALHOST, port));
        database.pause();
        database.resume();
        database.kill9();
        assert!(connect(database.port()).is_err());
        database.start_again();
        connect(database.port()).unwrap();
        connect(database.tls_port()).unwrap();
        database.restart();
        assert!(Database::shared(kind).is_some());
    }
}

/// The stories, on one kind of database.
macro_rules! stories {
    ($name:ident, $feature:literal, $kind:expr) => {
        #[cfg(feature = $feature)]
        mod $name {
            use super::{Kind, absence, fullness, keeping, leases, upkeep};

            #[test]
            fn one_works_and_the_others_stand_by() {
                leases::one_works_and_the_others_stand_by($kind);
            }

            #[test]
            fn a_dead_server_is_followed_by_another() {
                leases::a_dead_server_is_followed_by_another($kind);
            }

            #[test]
            fn a_server_that_slept_through_its_lease_does_nothing() {
                leases::a_server_that_slept_through_its_lease_does_nothing($kind);
            }

            #[test]
            fn a_server_that_is_cut_off_is_followed_and_comes_back() {
                leases::a_server_that_is_cut_off_is_followed_and_comes_back($kind);
            }

            #[test]
            fn jobs_and_their_links_outlive_restarts() {
                keeping::jobs_and_their_links_outlive_restarts($kind);
            }

            #[test]
            fn what_was_acknowledged_outlives_every_crash() {
                keeping::what_was_acknowledged_outlives_every_crash($kind);
            }

            #[test]
            fn a_server_works_over_tls() {
                upkeep::a_server_works_over_tls($kind);
            }

            #[test]
            fn it_is_backed_up_while_a_server_works_on_it() {
                upkeep::it_is_backed_up_while_a_server_works_on_it($kind);
            }

            #[test]
            fn a_full_database_loses_nothing_and_heals() {
                fullness::a_full_database_loses_nothing_and_heals($kind);
            }

            #[test]
            fn a_server_waits_for_its_database() {
                absence::a_server_waits_for_its_database($kind);
            }

            #[test]
            fn nothing_runs_unclaimed_while_it_is_away() {
                absence::nothing_runs_unclaimed_while_it_is_away($kind);
            }
        }
    };
}

stories!(redis, "redis", Kind::Redis);
stories!(postgres, "postgres", Kind::Postgres);
stories!(mariadb, "mysql", Kind::MariaDb);
