import type { SeedMetadata } from './datasource.ts';

const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}))*$/;
const SSH_KEY = /^(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,3}(?: [^\0-\x1f{}]{0,256})?$/;
const MAX_KEYS = 100;

/** Metadata that was checked: whoever runs the metadata service must not be able to say more than this. */
export interface CheckedMetadata {
  hostname: string | undefined;
  sshKeys: readonly string[];
  /** What was refused, for people. */
  refused: readonly string[];
}

/** Keeps what is a host name or an SSH key; options of keys are refused, for they hold commands. */
export function checkMetadata(metadata: SeedMetadata): CheckedMetadata {
  const hostname = metadata.hostname !== undefined && HOST_NAME.test(metadata.hostname) ? metadata.hostname : undefined;
  const sshKeys = [...new Set(metadata.sshKeys.filter((key) => SSH_KEY.test(key)))].slice(0, MAX_KEYS);
  const refused = [
    ...(metadata.hostname !== undefined && hostname === undefined ? ['a host name that is none'] : []),
    ...(metadata.sshKeys.some((key) => !SSH_KEY.test(key)) ? ['SSH keys that are none'] : []),
  ];
  return { hostname, sshKeys, refused };
}

/**
 * The cloud-config that applies the host name and the keys (for root). It runs before and after the switch to the
 * image's init, for clouds are asked only when there is a network. Undefined when there is nothing to apply.
 */
export function metadataConfig(metadata: CheckedMetadata): string | undefined {
  const { hostname, sshKeys } = metadata;
  if (hostname === undefined && sshKeys.length === 0) return undefined;
  const step = {
    name: 'Apply what the place of the machine says',
    ...(hostname === undefined ? {} : { hostname }),
    ...(sshKeys.length === 0 ? {} : { authorized_keys: { root: sshKeys } }),
  };
  // JSON is YAML, and no text of others can leave its quotes.
  const stages = { initramfs: [step], network: [step] };
  return `#cloud-config\n# Written by the datasource step; it is replaced when the metadata changes.\n${JSON.stringify({ name: 'Metadata of the data source', stages }, undefined, 2)}\n`;
}
