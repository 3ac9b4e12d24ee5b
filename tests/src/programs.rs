//! Real servers in the lab's namespaces, each with a configuration and a folder of its own.

use crate::command::{self, words};
use crate::error::{Act, LabError, Result};
use crate::lab::{Lab, tool};
use crate::plan::{self, Family};
use std::fs;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Time a server has to answer after its start.
const READY_LIMIT: Duration = Duration::from_secs(10);
/// The ports a web server listens on: as the client asks (direct, tunnel), and another one for NAT to translate to.
pub const WEB_PORTS: [u16; 2] = [80, 8080];
/// The ports of the UDP echo, likewise.
pub const ECHO_PORTS: [u16; 2] = [7, 7007];
/// Seconds that the large file takes when it is asked for under `/slowly/`.
const SLOW_S: usize = 12;

/// Starts nginx in `node`: `/` answers `name`, `/down/…` serves the files of `shared` and `/slowly/…`
/// serves them slowly, PUT to `/up/…` keeps a file.
pub fn nginx(lab: &mut Lab, node: &str, name: &str, workers: u8, shared: &Path) -> Result<()> {
    let folder = folder(lab, node, "nginx")?;
    fs::create_dir_all(folder.join("up")).act(|| format!("make {}", folder.display()))?;
    let configuration = folder.join("nginx.conf");
    write(&configuration, &nginx_configuration(&folder, name, workers, shared))?;
    lab.start(node, "nginx", &mut nginx_command(&folder, &configuration))?;
    wait_for_port(lab, node, IpAddr::from([127, 0, 0, 1]), WEB_PORTS[0])
}

/// nginx in the foreground under a configuration of our own.
pub fn nginx_command(folder: &Path, configuration: &Path) -> Command {
    words("nginx", [Path::new("-p"), folder, Path::new("-c"), configuration, Path::new("-e"), Path::new("stderr")])
}

fn nginx_configuration(folder: &Path, name: &str, workers: u8, shared: &Path) -> String {
    let listen: String = WEB_PORTS
        .iter()
        .map(|port| format!("listen {port} backlog=4096 reuseport; listen [::]:{port} backlog=4096 reuseport; "))
        .collect();
    let (folder, shared, slowly) = (folder.display(), shared.display(), big_bytes() / SLOW_S);
    format!(
        "daemon off; user root root; worker_processes {workers}; pid {folder}/pid; error_log stderr warn;\n\
         worker_rlimit_nofile 16384;\n\
         events {{ worker_connections 8192; multi_accept on; }}\n\
         http {{\n\
           access_log off; default_type text/plain; keepalive_requests 100000000; client_max_body_size 300m;\n\
           client_body_temp_path {folder}/body; proxy_temp_path {folder}/t1; fastcgi_temp_path {folder}/t2;\n\
           uwsgi_temp_path {folder}/t3; scgi_temp_path {folder}/t4; sendfile on; tcp_nopush on;\n\
           server {{\n\
             {listen}\n\
             location / {{ return 200 \"{name}\\n\"; }}\n\
             location /down/ {{ alias {shared}/; }}\n\
             location /slowly/ {{ alias {shared}/; limit_rate {slowly}; }}\n\
             location /up/ {{ root {folder}; dav_methods PUT; }}\n\
           }}\n\
         }}\n"
    )
}

/// Where nginx in `node` keeps the file that a client has PUT as `/up/NAME`.
pub fn uploaded(lab: &Lab, node: &str, name: &str) -> PathBuf {
    lab.folder().join(format!("{node}-nginx")).join("up").join(name)
}

/// Starts vsftpd in `node`: anonymous, serving `shared`.
pub fn vsftpd(lab: &mut Lab, node: &str, shared: &Path) -> Result<()> {
    let folder = folder(lab, node, "vsftpd")?;
    let empty = folder.join("empty");
    fs::create_dir_all(&empty).act(|| format!("make {}", empty.display()))?;
    let configuration = folder.join("vsftpd.conf");
    let text = format!(
        "listen_ipv6=YES\nbackground=NO\nanonymous_enable=YES\nno_anon_password=YES\nlocal_enable=NO\n\
         ftp_username=ftp\nanon_root={}\nanon_world_readable_only=NO\nsecure_chroot_dir={}\n\
         connect_from_port_20=YES\npasv_enable=YES\npasv_min_port=40000\npasv_max_port=40999\n\
         seccomp_sandbox=NO\nisolate_network=NO\nxferlog_enable=NO\nftpd_banner={node}\n",
        shared.display(),
        empty.display()
    );
    write(&configuration, &text)?;
    lab.start(node, "vsftpd", &mut words("vsftpd", [&configuration]))?;
    wait_for_port(lab, node, IpAddr::from([127, 0, 0, 1]), 21)
}

/// Starts the UDP echo in `node`, on its own addresses and on all VIPs, whether it has them now or later.
pub fn echo(lab: &mut Lab, node: &str) -> Result<()> {
    let mut command = Command::new(tool("echo")?);
    for family in [Family::V4, Family::V6] {
        let vips = (0..plan::VIPS).map(|number| plan::vip_number(family, number));
        for address in vips.chain([plan::server(node, family)]) {
            for port in ECHO_PORTS {
                command.arg(SocketAddr::new(address, port).to_string());
            }
        }
    }
    lab.start(node, "echo", &mut command).map(drop)
}

/// Starts the end of all tunnels in `node`.
pub fn decap(lab: &mut Lab, node: &str) -> Result<()> {
    lab.start(node, "decap", &mut Command::new(tool("decap")?)).map(drop)
}

/// Starts everything in the servers of a full lab; clients find the files of [`shared_files`].
pub fn all(lab: &mut Lab) -> Result<()> {
    let shared = shared_files(lab)?;
    for server in plan::SERVERS.into_iter().chain(plan::TUNNEL_SERVERS) {
        nginx(lab, server, server, 1, &shared)?;
        echo(lab, server)?;
        if server.starts_with('t') {
            decap(lab, server)?;
        } else {
            vsftpd(lab, server, &shared)?;
        }
    }
    match lab.fallen() {
        None => Ok(()),
        Some(fallen) => Err(LabError::Answer(fallen)),
    }
}

/// Size of the file `big`.
fn big_bytes() -> usize {
    plan::size(10, 100) * 1_000_000
}

/// The folder that all servers serve, with the files `big` and `small`.
pub fn shared_files(lab: &Lab) -> Result<PathBuf> {
    let folder = lab.folder().join("shared");
    fs::create_dir_all(&folder).act(|| format!("make {}", folder.display()))?;
    fs::write(folder.join("big"), noise(big_bytes())).act(|| "write the big file".into())?;
    fs::write(folder.join("small"), noise(30_000)).act(|| "write the small file".into())?;
    Ok(folder)
}

/// Bytes without a pattern (xorshift64), so that a packet lost, doubled or out of place changes the content.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Waits until somebody in `node` takes connections.
pub fn wait_for_port(lab: &mut Lab, node: &str, address: IpAddr, port: u16) -> Result<()> {
    let namespace = lab.node(node);
    let target = SocketAddr::new(address, port);
    let mut fallen = None;
    command::wait_until(&format!("connect to {target} in {node}"), READY_LIMIT, || {
        fallen = lab.fallen();
        let connect = || TcpStream::connect_timeout(&target, Duration::from_millis(200)).is_ok();
        fallen.is_some() || namespace.enter(connect).unwrap_or(false)
    })?;
    fallen.map_or(Ok(()), |fallen| Err(LabError::Answer(fallen)))
}

fn folder(lab: &Lab, node: &str, program: &str) -> Result<PathBuf> {
    let folder = lab.folder().join(format!("{node}-{program}"));
    fs::create_dir_all(&folder).act(|| format!("make {}", folder.display()))?;
    Ok(folder)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).act(|| format!("write {}", path.display()))
}
