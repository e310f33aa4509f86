import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Step } from '@bowline/spec';
import { splitLogin } from '../download/web-address.ts';
import { stepInvalid } from '../step-error.ts';

type GitConfig = NonNullable<Step['git']>;

/** What git needs to reach a repository: an address without secrets, and an environment that names files with them. */
export interface GitAccess {
  url: string;
  env: Record<string, string>;
}

/**
 * Puts credentials into files of `folder`, which must be private and short-lived: never into arguments, which every user
 * of the machine can read. Throws AgentError STEP_INVALID.
 */
export async function gitAccess(config: GitConfig, folder: string): Promise<GitAccess> {
  const address = /^https?:/i.test(config.url) ? URL.parse(config.url) : null;
  const settings: [key: string, value: string][] = [['core.hooksPath', '/dev/null']];
  const env: Record<string, string> = { GIT_TERMINAL_PROMPT: '0', GIT_ASKPASS: '' };
  if (address === null) {
    env['GIT_SSH_COMMAND'] = await sshCommand(config, folder);
    return { url: config.url, env: { ...env, ...settingsAsEnvironment(settings) } };
  }
  const login = splitLogin(address);
  const username = config.auth?.username || login.username;
  const password = config.auth?.password || login.password;
  if (username !== '' || password !== '') {
    if (/[\n\r\0]/.test(username + password)) throw stepInvalid('git: credentials must be single lines');
    const file = join(folder, 'credentials');
    // Servers that take a token do not look at the name, but want one.
    await writeFile(file, `username=${username || 'git'}\npassword=${password}\n`, { mode: 0o600 });
    // An empty helper first: those of the system are for others. For this server only, wherever it sends us.
    settings.push(['credential.helper', ''], [`credential.${address.origin}.helper`, helperFor(file)]);
  }
  return { url: login.url.href, env: { ...env, ...settingsAsEnvironment(settings) } };
}

function helperFor(file: string): string {
  return `!f() { test "$1" != get || cat ${quote(file)}; }; f`;
}

async function sshCommand(config: GitConfig, folder: string): Promise<string> {
  const { private_key: privateKey, public_key: publicKey, insecure } = config.auth ?? {};
  const options = ['BatchMode=yes', 'ConnectTimeout=30'];
  const words = ['ssh'];
  if (privateKey) {
    const file = join(folder, 'key');
    // ssh wants the line ends that YAML and people lose.
    await writeFile(file, `${privateKey.replaceAll('\r', '').trim()}\n`, { mode: 0o600 });
    words.push('-i', quote(file));
    options.push('IdentitiesOnly=yes');
  }
  if (publicKey) {
    const file = join(folder, 'known_hosts');
    await writeFile(file, `${knownHost(publicKey.trim(), config.url)}\n`, { mode: 0o600 });
    options.push(`UserKnownHostsFile=${file}`, 'StrictHostKeyChecking=yes');
  } else if (insecure) {
    options.push('UserKnownHostsFile=/dev/null', 'StrictHostKeyChecking=no');
  }
  return [...words, ...options.flatMap((option) => ['-o', quote(option)])].join(' ');
}

/** A line of known_hosts: the key alone gets the host of the address. */
export function knownHost(publicKey: string, url: string): string {
  if (!/^(ssh-|ecdsa-|sk-)/.test(publicKey)) return publicKey;
  const [, host = '', port] =
    /^ssh:\/\/(?:[^@/]*@)?(\[[^\]]+\]|[^:/]+)(?::(\d+))?/.exec(url) ??
    /^(?:[^@/]*@)?(\[[^\]]+\]|[^:/]+):/.exec(url) ??
    [];
  const name = host.replaceAll(/[[\]]/g, '');
  return `${port === undefined || port === '22' ? name : `[${name}]:${port}`} ${publicKey}`;
}

function settingsAsEnvironment(settings: readonly [string, string][]): Record<string, string> {
  const pairs = settings.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  return { GIT_CONFIG_COUNT: String(settings.length), ...Object.fromEntries(pairs) };
}

/** For the shell that git hands these strings to. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
