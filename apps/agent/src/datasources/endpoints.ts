/** Where the metadata services of clouds are: addresses without a slash at the end. */
export const ENDPOINTS = {
  aws: 'http://169.254.169.254',
  azure: 'http://169.254.169.254',
  digitalocean: 'http://169.254.169.254',
  // By address: the name metadata.google.internal needs a resolver that is not always there yet.
  gcp: 'http://169.254.169.254',
  hetzner: 'http://169.254.169.254',
  metaldata: 'http://metaldata',
  openstack: 'http://169.254.169.254',
  packet: 'https://metadata.platformequinix.com',
  scaleway: 'http://169.254.42.42',
  vultr: 'http://169.254.169.254',
} as const;

/** Addresses by cloud; tests put their own server there. */
export type Endpoints = Readonly<Record<keyof typeof ENDPOINTS, string>>;
