import { stat } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { createRegistry, parseImageReference } from '@bowline/oci';
import { trustMachineCertificates } from '../download/certificates.ts';
import { AgentError } from '../error.ts';
import type { Machine } from '../machine/machine.ts';
import { folderPlace } from './folder-place.ts';
import type { ReleasePlace } from './place.ts';
import { registryPlace } from './registry-place.ts';
import type { TransferLimits } from './transfer.ts';
import { webPlace } from './web-place.ts';

/** How places are reached. */
export interface PlaceOptions {
  plainHttp: readonly string[];
  limits: TransferLimits;
}

/** `https://registry.example.com/edge:2`: a tag or a digest stands at the end, which names of folders do not have. */
const REGISTRY_URL = /^(https?):\/\/([^/?#@]+\/[^?#]*(?::[A-Za-z0-9_][A-Za-z0-9._-]*|@sha256:[0-9a-f]{64}))$/i;

/**
 * The place a source names. `https://...` is a folder on a web server, or with a tag at the end a repository of a registry, which
 * is the way to name one that speaks plain HTTP; `dir:`, `file:`, an absolute path and what is a folder here are folders; the rest
 * are references of registries, with `docker:` or `oci:` in front or without. Nothing is asked yet.
 *
 * @throws AgentError RELEASE_UNFIT; OciError REFERENCE_INVALID.
 */
export async function findPlace(machine: Machine, source: string, options: PlaceOptions): Promise<ReleasePlace> {
  const [, protocol = '', named] = REGISTRY_URL.exec(source) ?? [];
  if (named !== undefined) {
    const host = named.slice(0, named.indexOf('/')).toLowerCase();
    const plainHttp = protocol.toLowerCase() === 'http' ? [...options.plainHttp, host] : options.plainHttp;
    return registry(machine, named, { ...options, plainHttp });
  }
  if (/^https?:\/\//i.test(source)) return webPlace(machine, source, options.limits);
  const [, scheme = '', rest = ''] = /^([a-z-]+):(?![0-9]+\/)(.*)$/s.exec(source) ?? ['', '', source];
  switch (scheme) {
    case '':
      return (await folder(machine, rest)) ?? registry(machine, rest, options);
    case 'dir':
    case 'file':
      return folderPlace(onMachine(machine, rest.replace(/^\/\/(?=\/)/, '')), undefined);
    case 'oci':
      return (await folder(machine, rest)) ?? registry(machine, rest.replace(/^\/\//, ''), options);
    case 'docker':
    case 'registry':
      return registry(machine, rest.replace(/^\/\//, ''), options);
    case 'ocifile':
    case 'docker-archive':
      throw unfit(`${scheme}: cannot hold a release`, 'Copy the folder NAME-release instead, and name it: dir:FOLDER.');
    default:
      return registry(machine, source, options);
  }
}

/** A folder, with `:tag` behind it or without; undefined for what is none. */
async function folder(machine: Machine, path: string): Promise<ReleasePlace | undefined> {
  if (await isFolder(onMachine(machine, path))) return folderPlace(onMachine(machine, path), undefined);
  const [, before = '', tag = ''] = /^(.+):([^:/]+)$/.exec(path) ?? [];
  if (before !== '' && (await isFolder(onMachine(machine, before))))
    return folderPlace(onMachine(machine, before), tag);
  // Neither of these can be in a registry: the message should speak of the folder.
  return /^\.{0,2}\//.test(path) ? folderPlace(onMachine(machine, path), undefined) : undefined;
}

async function registry(machine: Machine, text: string, options: PlaceOptions): Promise<ReleasePlace> {
  const reference = parseImageReference(text);
  if (reference.kind !== 'registry') throw unfit(`${text} is no place of a release`, 'Write registry/repository:tag.');
  await trustMachineCertificates(machine);
  const { fetch, processes, clock } = machine;
  // A service has no HOME; logins are those of root.
  const host = { fetch, processes, clock, env: { ...process.env, HOME: machine.locate('/root') } };
  const { stallMs, stallMinBytes } = options.limits;
  const limits = {
    stallTimeoutMs: stallMs,
    stallMinBytes,
    requestTimeoutMs: 2 * stallMs,
    retryBaseMs: options.limits.pauseMs,
  };
  const client = createRegistry({ host, plainHttpRegistries: options.plainHttp, limits });
  return registryPlace(client, reference, options.plainHttp.includes(reference.registry));
}

function onMachine(machine: Machine, path: string): string {
  return isAbsolute(path) ? machine.locate(path) : resolve(path);
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

function unfit(why: string, hint: string): AgentError {
  return new AgentError({ code: 'RELEASE_UNFIT', message: `${why}.`, hint });
}
