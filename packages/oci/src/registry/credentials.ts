import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '@bowline/host';
import * as z from 'zod';
import { OciError } from '../error.ts';

/** What a registry accepts as proof. Never printed. */
export type Credentials =
  | { kind: 'basic'; username: string; password: string }
  /** A refresh token, exchanged at the token endpoint (`identitytoken`). */
  | { kind: 'refresh-token'; token: string }
  /** A bearer token, sent as it is (`registrytoken`). */
  | { kind: 'bearer'; token: string };

/** Finds the credentials for a repository; undefined means anonymous. */
export type CredentialLookup = (registry: string, repository: string) => Promise<Credentials | undefined>;

const AuthEntry = z.looseObject({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
  registrytoken: z.string().optional(),
});

/** `config.json` of docker and `auth.json` of podman (containers-auth.json(5)). */
const AuthFile = z.looseObject({
  auths: z.record(z.string(), AuthEntry.nullable()).nullish(),
  credHelpers: z.record(z.string(), z.string()).nullish(),
  credsStore: z.string().nullish(),
});
type AuthFile = z.infer<typeof AuthFile>;

const HelperAnswer = z.looseObject({ Username: z.string(), Secret: z.string() });

const HELPER_TIMEOUT_MS = 60_000;
const MAX_AUTH_FILE_BYTES = 4 * 2 ** 20;

/**
 * Reads credentials where docker and podman keep them: `$REGISTRY_AUTH_FILE`, `$XDG_RUNTIME_DIR/containers/auth.json`,
 * `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`; the first that knows the registry wins. Credential helpers are run.
 * Throws OciError UNAUTHORIZED when a file is unreadable or a helper fails: falling back to anonymous would hide the cause.
 */
export function findDockerCredentials(host: Pick<Host, 'processes' | 'env'>): CredentialLookup {
  return async (registry, repository) => {
    for (const path of authFiles(host.env)) {
      const file = await readAuthFile(path);
      const found = file === undefined ? undefined : await lookUp(host, file, registry, repository);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

function authFiles(env: Host['env']): string[] {
  const paths: string[] = [];
  const { REGISTRY_AUTH_FILE: explicit, XDG_RUNTIME_DIR: runtime, DOCKER_CONFIG: docker, HOME: home } = env;
  if (explicit !== undefined && explicit !== '') paths.push(explicit);
  if (runtime !== undefined && runtime !== '') paths.push(join(runtime, 'containers', 'auth.json'));
  if (docker !== undefined && docker !== '') paths.push(join(docker, 'config.json'));
  else if (home !== undefined && home !== '') paths.push(join(home, '.docker', 'config.json'));
  return paths;
}

async function readAuthFile(path: string): Promise<AuthFile | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw unreadable(path, code === 'EACCES' ? 'it may not be read' : 'reading it failed', cause);
  }
  if (text.length > MAX_AUTH_FILE_BYTES) throw unreadable(path, 'it is too large');
  // The cause is left out on purpose: a JSON error quotes the text, and the text holds passwords.
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw unreadable(path, 'it is no JSON');
  }
  const parsed = AuthFile.safeParse(json);
  if (!parsed.success)
    throw unreadable(path, `${parsed.error.issues[0]?.path.slice(0, 1).join('.') ?? 'it'} is malformed`);
  return parsed.data;
}

async function lookUp(
  host: Pick<Host, 'processes' | 'env'>,
  file: AuthFile,
  registry: string,
  repository: string,
): Promise<Credentials | undefined> {
  const helper = file.credHelpers?.[registry] ?? undefined;
  if (helper !== undefined) return askHelper(host, helper, serverAddress(registry));
  if (file.credsStore !== undefined && file.credsStore !== null && file.credsStore !== '') {
    const stored = await askHelper(host, file.credsStore, serverAddress(registry));
    if (stored !== undefined) return stored;
  }
  const auths = new Map(Object.entries(file.auths ?? {}).map(([key, entry]) => [normalizeKey(key), entry]));
  for (const key of candidateKeys(registry, repository)) {
    const entry = auths.get(key);
    const found = entry === undefined || entry === null ? undefined : readEntry(entry);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Docker keeps the login for Docker Hub under the address of its first index. */
function serverAddress(registry: string): string {
  return registry === 'docker.io' || registry === 'index.docker.io' ? 'https://index.docker.io/v1/' : registry;
}

/** `registry/a/b`, `registry/a`, `registry`: the narrowest login wins, as containers-auth.json(5) says. */
function candidateKeys(registry: string, repository: string): string[] {
  const parts = repository.split('/');
  const keys = parts.map((_, index) => [registry, ...parts.slice(0, parts.length - index)].join('/'));
  return [...keys, registry, ...(registry === 'docker.io' ? ['index.docker.io'] : [])];
}

/** Old files have addresses as keys: `https://registry.example.org/v1/`. */
function normalizeKey(key: string): string {
  const isAddress = /^https?:\/\//.test(key);
  const bare = key.replace(/^https?:\/\//, '').replace(/\/+$/, '');
  return isAddress ? (bare.split('/')[0] ?? bare) : bare;
}

function readEntry(entry: z.infer<typeof AuthEntry>): Credentials | undefined {
  if (entry.registrytoken !== undefined && entry.registrytoken !== '')
    return { kind: 'bearer', token: entry.registrytoken };
  if (entry.identitytoken !== undefined && entry.identitytoken !== '') {
    return { kind: 'refresh-token', token: entry.identitytoken };
  }
  if (entry.auth !== undefined && entry.auth !== '') {
    const plain = Buffer.from(entry.auth, 'base64').toString('utf8').replace(/\0+$/, '');
    const colon = plain.indexOf(':');
    if (colon > 0) return basic(plain.slice(0, colon), plain.slice(colon + 1));
  }
  if (entry.username !== undefined && entry.password !== undefined) return basic(entry.username, entry.password);
  return undefined;
}

function basic(username: string, password: string): Credentials {
  // How helpers and `docker login` mark an identity token (docker-credential-helpers, "tokenUsername").
  return username === '<token>' ? { kind: 'refresh-token', token: password } : { kind: 'basic', username, password };
}

/** Runs `docker-credential-NAME get` with the address on standard input (the docker-credential-helpers protocol). */
async function askHelper(
  host: Pick<Host, 'processes' | 'env'>,
  name: string,
  address: string,
): Promise<Credentials | undefined> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) {
    throw helperFailed('docker-credential-...', 'its name in the configuration holds forbidden characters');
  }
  const program = `docker-credential-${name}`;
  const env = Object.fromEntries(
    Object.entries(host.env).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
  let output: string;
  let exitCode: number;
  try {
    const result = await host.processes.run({
      argv: [program, 'get'],
      env,
      stdin: { kind: 'bytes', bytes: new TextEncoder().encode(address) },
      stdout: { kind: 'capture' },
      stderr: { kind: 'capture' },
      timeoutMs: HELPER_TIMEOUT_MS,
      maxCaptureBytes: 2 ** 20,
      okExitCodes: [0, 1],
    });
    output = new TextDecoder().decode(result.stdout);
    exitCode = result.exitCode;
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    throw helperFailed(program, code === 'PROCESS_NOT_FOUND' ? 'it is not installed' : 'it failed to run');
  }
  if (exitCode !== 0) {
    if (/credentials not found/i.test(output)) return undefined;
    throw helperFailed(program, 'it reported an error');
  }
  let json: unknown;
  try {
    json = JSON.parse(output);
  } catch {
    throw helperFailed(program, 'its answer is no JSON');
  }
  const answer = HelperAnswer.safeParse(json);
  if (!answer.success) throw helperFailed(program, 'its answer has no user name and secret');
  if (answer.data.Secret === '') return undefined;
  return basic(answer.data.Username, answer.data.Secret);
}

function helperFailed(program: string, why: string): OciError {
  return new OciError({
    code: 'UNAUTHORIZED',
    message: `The credential helper ${program} gave no login: ${why}.`,
    hint: `Try \`${program} list\` yourself, or remove the helper from the docker configuration and log in again.`,
  });
}

function unreadable(path: string, why: string, cause?: unknown): OciError {
  return new OciError({
    code: 'UNAUTHORIZED',
    message: `The login file ${path} cannot be used: ${why}.`,
    hint: 'Repair the file, or remove it and log in again.',
    cause,
  });
}
