/** A cloud-config with every key that the reference of Kairos lists, as its users write them. */
export const EVERY_KEY = `#cloud-config
name: everything
hostname: edge-{{ trunc 4 .MachineID }}
users:
  - name: ada
    passwd: $6$salt$hash
    ssh_authorized_keys: [github:ada, ssh-ed25519 AAAA]
    gecos: Ada
    homedir: /home/ada
    no_create_home: false
    primary_group: ada
    groups: [admin]
    no_user_group: false
    system: false
    no_log_init: true
    shell: /bin/bash
    lock_passwd: false
    uid: "1000"
ssh_authorized_keys: [gitlab:ada]
write_files: [{path: /a, content: x, encoding: gz+b64, owner: root, permissions: "0644"}]
milpa_files: [{path: /b, content: x, permissions: 0600}]
runcmd: [echo hello]
growpart: {mode: auto, devices: [/dev/vda]}
config_url: https://example.com/{{ .Values.product.uuid }}
options: {device: /dev/sda}
bundles: [{repository: docker://a, rootfs_path: /a, db_path: /b, local_file: true, targets: [run://a, container://b, luet:c]}]
fail_on_bundles_errors: true
grub_options: {next_entry: a, saved_entry: b, default_menu_entry: c, extra_cmdline: d, extra_active_cmdline: e, extra_passive_cmdline: f, extra_recovery_cmdline: g, default_fallback: "0 1"}
env: [A=b]
debug: true
strict: false
cloud-init-paths: [/srv]
eject-cd: true
cosign: false
cosign-key: /a
verify: false
arch: arm64
squash-compression: [-comp, zstd]
squash-no-compression: false
uki-max-entries: 3
bind-pcrs: ["7"]
bind-public-pcrs: [11]
logs: {journal: [a], files: [/var/log/a]}
kcrypt: {challenger: {challenger_server: http://a, mdns: true, certificate: a}, nv_index: "0x1500000", c_index: "", tpm_device: /dev/tpmrm0}
phonehome: {url: https://a, registration_token: t, group: g, labels: {a: b}, heartbeat_interval: 30s, reconnect_backoff: 5s, artifact_download_retries: 3, artifact_download_retry_interval: 5s, allowed_commands: [upgrade]}
providers: {paths: [/a]}
cluster: {cluster_token: t, control_plane_host: a, role: init, config: "a: b", providerConfig: {a: {b: [1]}}, env: {A: b}, ca_certs: [a], import_local_images: true, local_images_path: /a, cluster_config_path: /b}
p2p: {network_token: t, network_id: a, role: worker, dns: true, loglevel: info, vpn: {create: true, use: true, env: {A: "b"}}, minimum_nodes: 2, disable_dht: true, auto: {enable: true, ha: {enable: true, external_db: a, master_nodes: 2}}, dynamic_roles: true}
k3s: {enabled: true, env: {A: b}, args: [--a], replace_env: true, replace_args: true, embedded_registry: true}
k3s-agent: {enabled: true, env: {A: b}, args: [--a], replace_env: true, replace_args: true}
k0s: {enabled: true, env: {A: b}, args: [--a], replace_env: true, replace_args: true}
k0s-worker: {enabled: true, env: {A: b}, args: [--a], replace_env: true, replace_args: true}
kubevip: {eip: 192.0.2.1, manifest_url: "", interface: eth0, enable: true, static_pod: true, version: v1, image: a, vip_leaderelection: true}
extensions: {catalogs: [https://a], versions: {a: "1"}}
install:
  auto: true
  reboot: true
  poweroff: false
  device: script:///bin/pick
  source: oci:a
  no-format: false
  force: true
  partitions:
    oem: {size: 60, fs: ext4, name: oem, label: COS_OEM, partition_label: oem, flags: [a], uuid: b}
    recovery: {size: 4096}
    state: {size: 4096}
    persistent: {size: 0}
    efi: {size: 64}
  extra-partitions: [{name: a, size: 100, fs: none, label: A}]
  system: {size: 4096, source: oci:a, uri: oci:a, fs: ext2, label: A}
  recovery-system: {size: 4096}
  passive: {size: 4096}
  encrypted_partitions: [COS_PERSISTENT]
  bind_mounts: [/a]
  ephemeral_mounts: [/b]
  extra-dirs-rootfs: [/c]
  grub_options: {extra_cmdline: a}
  grub-entry-name: a
  bundles: [{targets: [run://a]}]
  env: [A=b]
  nousers: true
  ssh_hardening: true
  selinux: {enabled: true, mode: permissive}
  extensions: [a, {name: b}]
  firmware: efi
  part-table: gpt
  cloud-init: [/a]
  iso: a
  tty: tty1
  skip-entries: [a]
  allow-insecure-registries: false
upgrade: {entry: active, recovery: false, system: {size: 1}, recovery-system: {source: oci:a}, grub-entry-name: a, reboot: true, poweroff: false, extra-dirs-rootfs: [/a], allow-insecure-registries: false, excluded-paths: [/a], efi-partition: {label: A}}
reset: {reset-persistent: true, reset-oem: false, reboot: true, poweroff: false, grub-entry-name: a, tty: tty1, extra-dirs-rootfs: [/a], system: {size: 1}}
stages:
  rootfs: []
  fs.after: []
  kairos-uki-upgrade.pre: []
  provider-kairos.bootstrap.before.master: []
  boot:
    - name: a
      after: [{name: base.b}]
      node: ^edge
      if: test -e /a
      only_os: "Ubuntu.*|Debian.*"
      only_os_version: ^13
      only_arch: amd64
      only_service_manager: systemd
      if_files: {any: [/a], all: [/b], none: [/c]}
      dns: {nameservers: [192.0.2.1], search: [a], options: [rotate], path: /etc/resolv.conf}
      downloads: [{path: /a, url: https://a, permissions: 0600, owner: 0, group: 0, timeout: 5, ownerstring: root}]
      git: {url: https://a, path: /a, branch: main, branch_only: true, auth: {username: a, password: b, private_key: c, public_key: d, insecure: false}}
      ensure_entities: [{path: /etc/passwd, entity: "kind: user"}]
      directories: [{path: /a, permissions: 0755, owner: 0, group: 0}]
      files: [{path: /a, content: a, encoding: b64, permissions: 0644, owner: 0, group: 0, ownerstring: "a:b"}]
      commands: [a]
      delete_entities: [{path: /etc/group, entity: "kind: group"}]
      hostname: a
      sysctl: {vm.swappiness: 10}
      users: {ada: {name: ada, groups: [admin], uid: 1000}}
      authorized_keys: {ada: [github:ada, https://a]}
      modules: [dummy]
      timesyncd: {NTP: a, FallbackNTP: b}
      systemctl: {enable: [a], disable: [b], mask: [c], start: [d], overrides: [{service: a, name: b, content: c}]}
      environment: {A: b}
      environment_file: /etc/environment
      systemd_firstboot: {keymap: us}
      datasource: {providers: [aws, azure, gcp, hetzner, openstack, packet, scaleway, vultr, digitalocean, metaldata, vmware, cdrom, config-drive, file], path: /a, userdata_name: a}
      layout: {device: {path: /dev/vda, label: A, init_disk: true, disk_name: a}, add_partitions: [{fsLabel: A, pLabel: a, size: 0, filesystem: ext4, bootable: true}], expand_partition: {size: 0}}
      package_pins: {kubelet: 1.34.1}
      packages: {install: [a], remove: [b], refresh: true, upgrade: true}
      unpack_images: [{source: a, target: /a, platform: linux/arm64}]
`;
