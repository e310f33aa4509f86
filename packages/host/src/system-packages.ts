import { stat } from 'node:fs/promises';
import { findProgram } from './child-group.ts';
import { HostError } from './error.ts';
import type { Host } from './host.ts';
import type { Progress } from './progress.ts';

const INSTALL_TIMEOUT_MS = 20 * 60_000;

/** Something of the operating system that a command needs. */
export interface SystemNeed {
  /** What people read: `QEMU for x86_64`. */
  title: string;
  /** Programs by name, or files by absolute path; one of them is enough. */
  anyOf: readonly [string, ...string[]];
  /** Debian packages that bring it. */
  debianPackages: readonly [string, ...string[]];
}

/** The needs that this machine does not meet. */
export async function missingNeeds(needs: readonly SystemNeed[]): Promise<SystemNeed[]> {
  const missing: SystemNeed[] = [];
  for (const need of needs) {
    const found = await Promise.all(need.anyOf.map(isPresent));
    if (!found.includes(true)) missing.push(need);
  }
  return missing;
}

async function isPresent(programOrFile: string): Promise<boolean> {
  if (!programOrFile.startsWith('/')) return findProgram(programOrFile) !== undefined;
  return stat(programOrFile).then(
    () => true,
    () => false,
  );
}

/** The argv that installs packages here; undefined where only a person can. */
type Installer = (packages: readonly string[]) => readonly [string, ...string[]][];

/** How this machine installs Debian packages without asking anybody; undefined when it cannot. */
async function findInstaller(host: Host): Promise<Installer | undefined> {
  if (findProgram('apt-get') === undefined || !(await isPresent('/etc/debian_version'))) return undefined;
  const prefix: string[] = host.isRoot ? [] : ['sudo', '-n'];
  if (!host.isRoot) {
    const isAllowed = await host.processes.run({ argv: ['sudo', '-n', 'true'], timeoutMs: 10_000 }).then(
      () => true,
      () => false,
    );
    if (!isAllowed) return undefined;
  }
  const apt = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', '-y'];
  const argv = (...words: string[]) => [...prefix, ...apt, ...words] as [string, ...string[]];
  return (packages) => [argv('update'), argv('install', '--no-install-recommends', ...packages)];
}

function packagesOf(needs: readonly SystemNeed[]): string[] {
  return [...new Set(needs.flatMap((need) => need.debianPackages))].toSorted((a, b) => (a < b ? -1 : 1));
}

function packagesMissing(needs: readonly SystemNeed[], cause?: unknown): HostError {
  const packages = packagesOf(needs);
  const titles = needs.map((need) => need.title).join(', ');
  return new HostError({
    code: 'SYSTEM_PACKAGES_MISSING',
    message: `this machine lacks: ${titles}`,
    hint: `On Debian: sudo apt-get install --no-install-recommends ${packages.join(' ')}; elsewhere install what your system calls them.`,
    details: { packages, programs: needs.map((need) => need.anyOf) },
    cause,
  });
}

/**
 * Makes sure that what a command needs is installed. On Debian missing packages are installed through apt when that
 * needs no question (root, or sudo without a password), after saying which. Quick when nothing is missing.
 * Throws HostError SYSTEM_PACKAGES_MISSING with the exact command.
 */
export async function ensureSystemPackages(
  host: Host,
  needs: readonly SystemNeed[],
  progress: Progress,
  signal?: AbortSignal,
): Promise<void> {
  const missing = await missingNeeds(needs);
  if (missing.length === 0) return;
  const installer = await findInstaller(host);
  if (installer === undefined) throw packagesMissing(missing);
  const packages = packagesOf(missing);
  await progress.task(`Installing with apt-get: ${packages.join(' ')}`, async () => {
    const [update, install] = installer(packages);
    // Old lists may still do; when they do not, the installation says so.
    if (update !== undefined) {
      await host.processes
        .run({ argv: update, name: 'apt-get', timeoutMs: INSTALL_TIMEOUT_MS, signal })
        .catch(rethrowAbort);
    }
    if (install !== undefined) {
      await host.processes
        .run({ argv: install, name: 'apt-get', timeoutMs: INSTALL_TIMEOUT_MS, signal })
        .catch((error: unknown) => {
          rethrowAbort(error);
          throw packagesMissing(missing, error);
        });
    }
  });
  const still = await missingNeeds(missing);
  if (still.length > 0) throw packagesMissing(still);
}

function rethrowAbort(error: unknown): void {
  if (error instanceof HostError && error.code === 'ABORTED') throw error;
}
