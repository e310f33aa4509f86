import * as z from 'zod';
import { flag, secretText, text, textMap, texts, whole } from './fields.ts';

/** Mesh of machines. */
export const p2p = z
  .strictObject({
    network_token: secretText('Shared secret of the network.'),
    network_id: text('Name of the network.', 'edge'),
    role: z
      .enum(['', 'master', 'worker', 'none', 'auto'])
      .optional()
      .meta({ description: 'Role of this machine; chosen by the network unless given.', examples: ['worker'] }),
    dns: flag('Answer names of the network.'),
    loglevel: text('Level of the log.', 'info'),
    vpn: z
      .strictObject({
        create: flag('Make the VPN.'),
        use: flag('Let Kubernetes use it.'),
        env: textMap('Environment of the VPN.', { DHCP: 'true' }),
      })
      .meta({ mistakes: { vpn: 'create' } })
      .optional()
      .meta({ description: 'VPN between the machines.', examples: [{ create: false, use: false }] }),
    minimum_nodes: whole('Machines to wait for.', 3),
    disable_dht: flag('Find each other in the local network only.'),
    auto: z
      .strictObject({
        enable: flag('Choose roles.'),
        ha: z
          .strictObject({
            enable: flag('Several control planes.'),
            external_db: secretText('Database outside, with its password.'),
            master_nodes: whole('Further control planes.', 2),
          })
          .optional()
          .meta({ description: 'High availability.', examples: [{ enable: true, master_nodes: 2 }] }),
      })
      .optional()
      .meta({ description: 'Choosing roles.', examples: [{ enable: true }] }),
    dynamic_roles: flag('Choose roles again when machines leave.'),
  })
  .meta({ mistakes: { ha: 'p2p.auto.ha' } })
  .optional()
  .meta({ description: 'Mesh of machines.', examples: [{ disable_dht: true, vpn: { create: false } }] });

/** Central management. */
export const phonehome = z
  .strictObject({
    url: text('Server.', 'https://fleet.example.com'),
    registration_token: secretText('Token of the first contact.'),
    group: text('Group of the machine.', 'edge'),
    labels: textMap('Labels of the machine.', { site: 'north' }),
    heartbeat_interval: text('Time between signs of life.', '30s'),
    reconnect_backoff: text('Time before trying again.', '5s'),
    artifact_download_retries: whole('Tries of a download.', 3),
    artifact_download_retry_interval: text('Time between them.', '5s'),
    allowed_commands: texts('Commands the server may give.', 'upgrade', 'reboot'),
  })
  .optional()
  .meta({ description: 'Central management.', examples: [{ url: 'https://fleet.example.com', group: 'edge' }] });

/** Keys of encrypted partitions. */
export const kcrypt = z
  .strictObject({
    challenger: z
      .strictObject({
        challenger_server: text('Server that knows the keys.', 'https://kms.example.com'),
        mdns: flag('Find the server by multicast DNS.'),
        certificate: text('Certificate of the server.', '/oem/kms.pem'),
        nv_index: text('NV index of the TPM.', '0x1500000'),
        c_index: text('Index of the certificate.', '0x1500001'),
        tpm_device: text('Device of the TPM.', '/dev/tpmrm0'),
      })
      .optional()
      .meta({ description: 'Key server.', examples: [{ challenger_server: 'https://kms.example.com' }] }),
    nv_index: text('NV index of the TPM.', '0x1500000'),
    c_index: text('Index of the certificate.', '0x1500001'),
    tpm_device: text('Device of the TPM.', '/dev/tpmrm0'),
  })
  .optional()
  .meta({ description: 'Keys of encrypted partitions.', examples: [{ challenger: { mdns: true } }] });
