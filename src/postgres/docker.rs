//! A server in a Docker container, by testcontainers; behind the cargo feature `docker`.

use super::session::Session;

/// A container that is removed when this is dropped.
pub(crate) struct DockerServer {
    #[cfg(feature = "docker")]
    _container: testcontainers::ContainerAsync<testcontainers::GenericImage>,
}

/// Starts a container and connects to the server in it; the error is a line for the report of what was tried.
///
/// `image` is `name:tag`; without one, the official image of the major.
#[cfg(feature = "docker")]
pub(crate) async fn start(image: Option<&str>, major: Option<u32>) -> Result<(DockerServer, Session, String), String> {
    use std::time::{Duration, Instant};

    use testcontainers::core::{IntoContainerPort, WaitFor};
    use testcontainers::runners::AsyncRunner;
    use testcontainers::{GenericImage, ImageExt};

    use super::conninfo::ConnInfo;
    use crate::core::versions;

    const COMMAND: &[&str] = &[
        "postgres",
        "-c",
        "fsync=off",
        "-c",
        "synchronous_commit=off",
        "-c",
        "full_page_writes=off",
        "-c",
        "autovacuum=off",
        "-c",
        "jit=off",
        "-c",
        "max_locks_per_transaction=512",
        "-c",
        "max_wal_size=4GB",
        "-c",
        "wal_level=logical",
        "-c",
        "timezone=UTC",
    ];

    let wanted = image.map_or_else(|| format!("postgres:{}", major.unwrap_or(versions::NEWEST_MAJOR)), str::to_owned);
    // A colon before the last slash belongs to a registry's port.
    let (name, tag) = match wanted.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name.to_owned(), tag.to_owned()),
        _ => (wanted.clone(), "latest".to_owned()),
    };
    let request = GenericImage::new(name, tag)
        .with_exposed_port(5432.tcp())
        // Said twice: once by the server that initdb uses, once by the real one. Connecting tells them apart.
        .with_wait_for(WaitFor::message_on_stderr("database system is ready to accept connections"))
        .with_env_var("POSTGRES_HOST_AUTH_METHOD", "trust")
        .with_env_var("POSTGRES_PASSWORD", "postgres")
        .with_cmd(COMMAND.iter().copied())
        .with_startup_timeout(Duration::from_secs(300));
    let failed = |e: testcontainers::TestcontainersError| {
        let text = e.to_string();
        format!("Docker ({wanted}): {}", text.lines().next().unwrap_or_default())
    };
    let container = request.start().await.map_err(failed)?;
    let host = container.get_host().await.map_err(failed)?.to_string();
    let port = container.get_host_port_ipv4(5432.tcp()).await.map_err(failed)?;
    let info = ConnInfo::private(&host, port, "postgres", "postgres");
    let began = Instant::now();
    loop {
        match Session::connect(&info).await {
            Ok(session) => {
                return Ok((DockerServer { _container: container }, session, format!("Docker image {wanted}")));
            }
            Err(error) if began.elapsed() > Duration::from_secs(60) => {
                return Err(format!("Docker ({wanted}): the server in the container does not answer: {error}"));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Without the feature there is nothing to start.
#[cfg(not(feature = "docker"))]
#[expect(clippy::unused_async, reason = "the other form of this function waits")]
pub(crate) async fn start(_: Option<&str>, _: Option<u32>) -> Result<(DockerServer, Session, String), String> {
    Err("Docker: trueup was built without it (cargo feature `docker`)".to_owned())
}
