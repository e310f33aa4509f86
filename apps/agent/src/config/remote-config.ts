import { downloadText } from '../download/download.ts';
import { describeUrl } from '../download/web-address.ts';
import type { Machine } from '../machine/machine.ts';
import { CONFIG_LIMIT_BYTES, type ConfigText } from './config-text.ts';
import type { LastGoodCopies } from './last-good.ts';
import type { ReadDocument } from './read-document.ts';
import { type ConfigSource, type UsedConfig, useConfig } from './use-config.ts';

/** Limits of fetching one configuration; milliseconds. */
export interface RemoteLimits {
  timeoutMs?: number;
  stallMs?: number;
  pauseMs?: number;
}

/** How remote configurations are read. */
export interface RemoteOptions {
  read: ReadDocument;
  copies: LastGoodCopies;
  /** False: the network is not asked; the last good copy is all there is. */
  fetch: boolean;
  /** False: what is fetched is not kept. */
  keep: boolean;
  limits?: RemoteLimits;
}

/** A configuration may name the next one. */
const MAX_CHAIN = 4;
const TRIES = 3;

/**
 * The configuration at a URL and those it names itself by `config_url`. The body is a template over the facts of the
 * machine. When the network or the answer is bad the last good copy is used.
 */
export async function useRemoteConfigs(url: string, machine: Machine, options: RemoteOptions): Promise<UsedConfig[]> {
  const used: UsedConfig[] = [];
  const seen = new Set<string>();
  let next: string | undefined = url;
  while (next !== undefined && !seen.has(next) && seen.size < MAX_CHAIN) {
    seen.add(next);
    const one = await useRemoteConfig(next, machine, options);
    used.push(one);
    next = one.configUrls.at(-1);
  }
  return used;
}

async function useRemoteConfig(url: string, machine: Machine, options: RemoteOptions): Promise<UsedConfig> {
  const source: ConfigSource = {
    key: url,
    name: describeUrl(url),
    prepare: (text) => machine.render(text, { missingKeyIsError: true }),
  };
  if (options.fetch) return await useConfig(source, await fetchConfig(url, machine, options.limits ?? {}), options);
  const copy = await options.copies.find(url);
  // Before the network is there nothing is wrong when there is no copy yet.
  if (copy === undefined) return { warnings: [], notApplied: [], configUrls: [] };
  return await useConfig(source, { text: copy.text }, { ...options, keep: false });
}

async function fetchConfig(url: string, machine: Machine, limits: RemoteLimits): Promise<ConfigText> {
  try {
    const text = await downloadText(machine, url, {
      timeoutMs: 90_000,
      stallMs: 20_000,
      ...limits,
      tries: TRIES,
      maxBytes: CONFIG_LIMIT_BYTES,
    });
    const { findHeader } = await import('@bowline/spec');
    if (findHeader(text) !== undefined) return { text };
    return { reason: 'is no configuration: it has no #cloud-config in its first lines' };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : 'could not be fetched' };
  }
}
