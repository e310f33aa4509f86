import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '@bowline/host';

const RELEASES = 'buster|bullseye|bookworm|trixie|forky|sid|oldoldstable|oldstable|stable|testing|unstable';
const ARCHIVE_SUITE = new RegExp(`^(?:${RELEASES})(?:-updates|-backports|-proposed-updates)?$`);
const SECURITY_SUITE = new RegExp(`^(?:${RELEASES})(?:-security|/updates)$`);
const NETWORK_OPTION =
  /^Acquire::(?:(?:https?|ftp)::[A-Za-z0-9:._-]+|Check-Valid-Until|Check-Date|ForceIPv[46])=([^"\n]+)$/;
const DEBIAN_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const PROXY_VARIABLES = ['http_proxy', 'https_proxy', 'no_proxy'] as const;

/** One package source of the machine. */
export interface AptSource {
  uri: string;
  suites: readonly string[];
  components: readonly string[];
  signedBy: string | undefined;
}

/** How this machine reaches a Debian mirror. */
export interface AptConfiguration {
  /** URI of the archive; undefined when the machine names none. */
  archive: string | undefined;
  /** URI of the security archive, where one is configured. */
  security: string | undefined;
  /** Keyring that signs both; undefined leaves the choice to mmdebstrap. */
  keyring: string | undefined;
  /** apt.conf text: proxies, certificates and time-outs of the machine. */
  options: string;
  /** Folder with credentials, when it holds any. */
  authFolder: string | undefined;
  /** Proxy variables of the environment, which apt honours too. */
  env: Record<string, string>;
}

/** Parses one-line-style sources (sources.list(5)); lines it does not know are no sources. */
export function parseOneLineSources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)((?:\s+[^#\s]\S*)*)/.exec(line);
    if (match === null) continue;
    const [, options = '', uri = '', suite = '', components = ''] = match;
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1];
    sources.push({ uri, suites: [suite], components: components.trim().split(/\s+/), signedBy });
  }
  return sources;
}

/** Parses deb822-style sources (sources.list(5)). */
export function parseDeb822Sources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  const withoutComments = text.replace(/^#.*\n?/gm, '');
  for (const stanza of withoutComments.split(/\n\s*\n/)) {
    const fields = new Map<string, string>();
    for (const match of stanza.matchAll(/^([A-Za-z0-9-]+):((?:.*)(?:\n[ \t]+.*)*)/gm)) {
      fields.set((match[1] ?? '').toLowerCase(), (match[2] ?? '').trim());
    }
    const words = (name: string) => (fields.get(name) ?? '').split(/\s+/).filter((word) => word !== '');
    if (!words('types').includes('deb') || /^(no|false)$/i.test(fields.get('enabled') ?? 'yes')) continue;
    const signedBy = fields.get('signed-by');
    for (const uri of words('uris')) {
      sources.push({
        uri,
        suites: words('suites'),
        components: words('components'),
        // The field may also hold the key itself; only a path can be handed on.
        signedBy: signedBy?.startsWith('/') && !/\s/.test(signedBy) ? signedBy : undefined,
      });
    }
  }
  return sources;
}

/** Keeps of `apt-config dump --format '%f=%v%n'` what a fetch needs, as apt.conf(5) text. */
export function networkOptions(dump: string): string {
  const lines = dump.split('\n').flatMap((line) => {
    const value = NETWORK_OPTION.exec(line)?.[1];
    return value === undefined ? [] : [`${line.slice(0, line.indexOf('='))} "${value}";`];
  });
  // Bounds of our own come first: what the machine says wins.
  return ['Acquire::Retries "3";', 'Acquire::http::Timeout "60";', 'Acquire::https::Timeout "60";', ...lines, ''].join(
    '\n',
  );
}

async function readSources(aptFolder: string): Promise<AptSource[]> {
  const read = (path: string) => readFile(path, 'utf8').catch(() => '');
  const list = async (folder: string): Promise<string[]> =>
    (await readdir(folder).catch((): string[] => [])).toSorted((a, b) => (a < b ? -1 : 1));
  const sources = parseOneLineSources(await read(join(aptFolder, 'sources.list')));
  for (const name of await list(join(aptFolder, 'sources.list.d'))) {
    const text = await read(join(aptFolder, 'sources.list.d', name));
    if (name.endsWith('.list')) sources.push(...parseOneLineSources(text));
    if (name.endsWith('.sources')) sources.push(...parseDeb822Sources(text));
  }
  return sources;
}

/**
 * Finds out how this machine reaches Debian: BOWLINE_DEBIAN_MIRROR and BOWLINE_DEBIAN_SECURITY_MIRROR when they are
 * set, else its own apt sources, with its proxies, certificates and credentials.
 */
export async function readAptConfiguration(host: Host, aptFolder = '/etc/apt'): Promise<AptConfiguration> {
  const sources = (await readSources(aptFolder)).filter((source) => source.components.includes('main'));
  const archive = sources.find((source) => source.suites.some((suite) => ARCHIVE_SUITE.test(suite)));
  const security = sources.find((source) => source.suites.some((suite) => SECURITY_SUITE.test(suite)));
  const dump = await host.processes
    .run({ argv: ['apt-config', 'dump', '--format', '%f=%v%n'], timeoutMs: 30_000 })
    .then((result) => Buffer.from(result.stdout).toString('utf8'))
    .catch(() => '');
  const authFolder = join(aptFolder, 'auth.conf.d');
  const hasAuth = (await readdir(authFolder).catch(() => [])).length > 0;
  const env: Record<string, string> = {};
  for (const name of PROXY_VARIABLES) {
    const value = host.env[name];
    if (value !== undefined && value !== '') env[name] = value;
  }
  return {
    archive: host.env['BOWLINE_DEBIAN_MIRROR'] ?? archive?.uri,
    security: host.env['BOWLINE_DEBIAN_SECURITY_MIRROR'] ?? security?.uri,
    keyring: await readFile(DEBIAN_KEYRING).then(
      () => DEBIAN_KEYRING,
      () => archive?.signedBy,
    ),
    options: networkOptions(dump),
    authFolder: hasAuth ? authFolder : undefined,
    env,
  };
}

/** Lines of a sources.list for one Debian release, reached the way this machine reaches its own. */
export function debianSources(configuration: AptConfiguration, suite: string): string[] {
  const { archive, security, keyring } = configuration;
  if (archive === undefined) return [];
  const option = keyring === undefined ? '' : `[signed-by=${keyring}] `;
  const lines = [`deb ${option}${archive} ${suite} main`];
  if (suite === 'sid') return lines;
  lines.push(`deb ${option}${archive} ${suite}-updates main`);
  if (security !== undefined) lines.push(`deb ${option}${security} ${suite}-security main`);
  return lines;
}
