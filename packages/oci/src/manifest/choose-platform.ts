import { OciError } from '../error.ts';
import type { Descriptor, Platform } from './schema.ts';

/** Which build of a multi-platform image is wanted. The operating system is always Linux. */
export interface PlatformWish {
  /** GOARCH word: `amd64`, `arm64`, `arm`, `riscv64`. */
  architecture: string;
  /** `v7`, `v8`, `v3`; left out, the baseline of the architecture is taken. */
  variant?: string;
}

/** Variants that every machine of the architecture runs, best first; '' is an entry without a variant. */
const BASELINE_VARIANTS: Readonly<Record<string, readonly string[]>> = {
  arm64: ['v8', '', '8', 'v8.0'],
  amd64: ['', 'v1'],
  arm: ['v7', 'v6', '', 'v5'],
};

const ARCHITECTURE_ALIASES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  armhf: 'arm',
};

/** Entries that fit the wish, best first. Attestations (`unknown/unknown`) and other systems never fit. */
export function choosePlatforms(entries: readonly Descriptor[], wish: PlatformWish): Descriptor[] {
  const variants = wish.variant === undefined ? (BASELINE_VARIANTS[wish.architecture] ?? ['']) : [wish.variant];
  const ranked: { rank: number; entry: Descriptor }[] = [];
  for (const entry of entries) {
    if (entry.platform === undefined || entry.platform.os !== 'linux') continue;
    if (normalizeArchitecture(entry.platform.architecture) !== wish.architecture) continue;
    const rank = variants.indexOf(entry.platform.variant ?? '');
    if (rank >= 0) ranked.push({ rank, entry });
  }
  // Stable: of equal entries the first in the index wins, as image-index.md says.
  return ranked.sort((a, b) => a.rank - b.rank).map((item) => item.entry);
}

/** True when a configuration says it is for the wished machine. */
export function fitsPlatform(platform: Platform, wish: PlatformWish): boolean {
  if (platform.os !== 'linux' || normalizeArchitecture(platform.architecture) !== wish.architecture) return false;
  if (wish.variant === undefined || platform.variant === undefined) return true;
  return platform.variant === wish.variant;
}

/** The error that lists what there is instead. */
export function platformMissing(
  where: string,
  wish: PlatformWish,
  platforms: readonly (Platform | undefined)[],
): OciError {
  const names = [
    ...new Set(
      platforms.flatMap((item) => (item === undefined || item.os === 'unknown' ? [] : [formatPlatform(item)])),
    ),
  ].sort();
  const wanted = formatPlatform({ os: 'linux', ...wish });
  return new OciError({
    code: 'PLATFORM_MISSING',
    message: `${where} has no build for ${wanted}; it has: ${names.join(', ') || 'none that names its platform'}.`,
    hint: 'Remove that architecture from `arch`, or choose an image that is built for it.',
    details: { wanted, available: names },
  });
}

function formatPlatform(platform: { os: string; architecture: string; variant?: string | undefined }): string {
  const variant = platform.variant === undefined || platform.variant === '' ? '' : `/${platform.variant}`;
  return `${platform.os}/${platform.architecture}${variant}`.replace(/[^\x20-\x7e]/g, '?');
}

function normalizeArchitecture(architecture: string): string {
  return Object.hasOwn(ARCHITECTURE_ALIASES, architecture)
    ? (ARCHITECTURE_ALIASES[architecture] ?? architecture)
    : architecture;
}
