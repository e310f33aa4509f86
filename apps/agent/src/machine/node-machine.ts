import { createHash, randomBytes } from 'node:crypto';
import { access, constants, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Host } from '@bowline/host';
import type { TemplateHost } from '@bowline/template';
import { parseAssignments } from './assignments.ts';
import type { Machine, MachineFacts } from './machine.ts';

const PROGRAM_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

export interface NodeMachineOptions {
  host: Host;
  root?: string;
  signal?: AbortSignal;
}

/** The machine this process runs on, or a folder that stands for one. */
export class NodeMachine implements Machine {
  readonly root: string;
  readonly processes: Machine['processes'];
  readonly fetch: typeof fetch;
  readonly clock: Machine['clock'];
  readonly signal: AbortSignal;
  readonly #host: Host;

  constructor(options: NodeMachineOptions) {
    this.#host = options.host;
    this.root = options.root ?? '/';
    this.processes = options.host.processes;
    this.fetch = options.host.fetch;
    this.clock = options.host.clock;
    this.signal = options.signal ?? new AbortController().signal;
  }

  withSignal(signal: AbortSignal): Machine {
    return new NodeMachine({ host: this.#host, root: this.root, signal });
  }

  locate(path: string): string {
    return this.root === '/' ? path : join(this.root, path);
  }

  async facts(): Promise<MachineFacts> {
    const release = await this.#osRelease();
    return {
      osId: release.get('ID') ?? '',
      osName: release.get('NAME') ?? '',
      osVersion: release.get('VERSION_ID') ?? '',
      arch: process.arch === 'x64' ? 'amd64' : process.arch,
      serviceManager: await this.#serviceManager(),
      hostname: hostname(),
    };
  }

  async render(text: string, options: { missingKeyIsError?: boolean } = {}): Promise<string> {
    if (!text.includes('{{')) return text;
    const [{ renderTemplate }, { systemFacts }] = await Promise.all([
      import('@bowline/template'),
      import('../facts/system-facts.ts'),
    ]);
    return renderTemplate(text, await systemFacts(this), { ...options, host: this.#templateHost() });
  }

  async program(name: string): Promise<string | undefined> {
    for (const folder of PROGRAM_FOLDERS) {
      const path = this.locate(join(folder, name));
      if (await isExecutable(path)) return path;
    }
    return undefined;
  }

  #templateHost(): TemplateHost {
    return {
      now: () => this.clock.now(),
      randomBytes: (length) => randomBytes(length),
      hash: (algorithm, bytes) => createHash(algorithm).update(bytes).digest(),
      env: (name) => this.#host.env[name],
    };
  }

  async #osRelease(): Promise<Map<string, string>> {
    for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
      const text = await readFile(this.locate(path), 'utf8').catch(() => undefined);
      if (text !== undefined) return parseAssignments(text);
    }
    return new Map();
  }

  async #serviceManager(): Promise<MachineFacts['serviceManager']> {
    if ((await this.program('systemctl')) !== undefined) return 'systemd';
    return (await this.program('openrc')) === undefined ? 'none' : 'openrc';
  }
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
