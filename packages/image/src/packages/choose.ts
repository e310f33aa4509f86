import { ImageError } from '../error.ts';
import { apk } from './apk.ts';
import { apt } from './apt.ts';
import { dnf } from './dnf.ts';
import type { BaseProbe, PackageManager } from './package-manager.ts';
import { pacman } from './pacman.ts';
import { zypper } from './zypper.ts';

/** Every package manager Bowline can drive, in the order in which they are looked for. */
export const PACKAGE_MANAGERS: readonly PackageManager[] = [apt, dnf, zypper, apk, pacman];

/** ID and ID_LIKE of an os-release file, the most special first. */
export function parseDistributions(osRelease: string): string[] {
  const values: Record<string, string> = {};
  for (const line of osRelease.split('\n')) {
    const found = /^(ID|ID_LIKE)=(.*)$/.exec(line.trim());
    if (found?.[1]) values[found[1]] = (found[2] ?? '').replace(/^["']|["']$/g, '');
  }
  return `${values['ID'] ?? ''} ${values['ID_LIKE'] ?? ''}`.split(/\s+/).filter((word) => word !== '');
}

/**
 * Finds the package manager of a base: the one of its distribution when its program is there, else any whose program is.
 * Throws ImageError PACKAGE_MANAGER_MISSING, which names what was looked for.
 */
export function choosePackageManager(osRelease: string, base: BaseProbe, origin: string): PackageManager {
  const present = PACKAGE_MANAGERS.filter((one) => one.programs.some((program) => base.isFile(program)));
  const distributions = parseDistributions(osRelease);
  for (const distribution of distributions) {
    const own = present.find((one) => one.distributions.includes(distribution));
    if (own) return own;
  }
  const [first] = present;
  if (first) return first;
  const name = distributions[0] === undefined ? '' : ` (${distributions[0]})`;
  throw new ImageError({
    code: 'PACKAGE_MANAGER_MISSING',
    message: `packages: cannot be installed: ${origin}${name} has no package manager; looked for ${PACKAGE_MANAGERS.flatMap((one) => one.programs.map((program) => `/${program}`)).join(', ')}.`,
    hint: 'Add the packages in a Dockerfile base, or as files:, or choose a base with a package manager.',
  });
}
