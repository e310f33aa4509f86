import * as z from 'zod';
import { flag, secretText, text, texts } from './fields.ts';

const env = z
  .record(z.string(), z.string())
  .optional()
  .meta({
    description: 'Environment; holds tokens often.',
    examples: [{ K3S_URL: 'https://192.0.2.1:6443' }],
    secret: true,
  });

const distribution = {
  enabled: flag('Run it.'),
  env,
  args: z
    .array(z.string())
    .optional()
    .meta({ description: 'Arguments.', examples: [['--disable=traefik']], secret: true }),
  replace_env: flag('Use env instead of, not beside, the default.'),
  replace_args: flag('Use args instead of, not beside, the default.'),
};

const k3sBlock = (description: string) =>
  z
    .strictObject({ ...distribution, embedded_registry: flag('Share images between nodes.') })
    .optional()
    .meta({ description, examples: [{ enabled: true, args: ['--disable=traefik'] }] });

const k0sBlock = (description: string) =>
  z
    .strictObject(distribution)
    .optional()
    .meta({ description, examples: [{ enabled: true, args: ['--single'] }] });

/** Blocks of Kubernetes distributions. */
export const kubernetesKeys = {
  k3s: k3sBlock('k3s server.'),
  'k3s-agent': k3sBlock('k3s agent.'),
  k0s: k0sBlock('k0s controller.'),
  'k0s-worker': k0sBlock('k0s worker.'),
  kubevip: z
    .looseObject({
      eip: text('Address of the control plane.', '192.0.2.10'),
      manifest_url: text('Manifest instead of the built-in one.', 'https://example.com/kube-vip.yaml'),
      interface: text('Network interface.', 'eth0'),
      enable: flag('Run kube-vip.'),
      static_pod: flag('Run it as a static pod.'),
      version: text('Version of kube-vip.', 'v1.0.1'),
      image: text('Image of kube-vip.', 'ghcr.io/kube-vip/kube-vip'),
    })
    .optional()
    .meta({
      description: 'Virtual address of the control plane; further keys are those of kube-vip.',
      examples: [{ enable: true, eip: '192.0.2.10' }],
    }),
  cluster: z
    .strictObject({
      cluster_token: secretText('Shared secret of the cluster.'),
      control_plane_host: text('Address of the control plane.', '192.0.2.10'),
      role: text('init, controlplane or worker.', 'init'),
      config: z
        .string()
        .optional()
        .meta({
          description: 'Configuration of the distribution, as text.',
          examples: ['kind: ClusterConfiguration\n'],
          secret: true,
        }),
      providerConfig: z
        .record(z.string(), z.unknown())
        .optional()
        .meta({ description: 'Values for the provider.', examples: [{ version: '1.34' }], secret: true }),
      env,
      ca_certs: texts('Certificates to trust.', '-----BEGIN CERTIFICATE-----'),
      import_local_images: flag('Load images from the machine.'),
      local_images_path: text('Folder with images.', '/opt/content/images'),
      cluster_config_path: text('File with the configuration.', '/etc/kubernetes/cluster.yaml'),
    })
    .optional()
    .meta({
      description: 'Cluster by a provider: kubeadm, RKE2 and others.',
      examples: [{ role: 'init', control_plane_host: '192.0.2.10' }],
    }),
};
