import { compareText } from './kind.ts';
import { SemanticVersion } from './semantic-version.ts';

const VERSION =
  /^v?(\d{1,18})(?:\.(\d{1,18}))?(?:\.(\d{1,18}))?(?:-([\dA-Za-z-]+(?:\.[\dA-Za-z-]+)*))?(?:\+([\dA-Za-z-]+(?:\.[\dA-Za-z-]+)*))?$/;
const CONSTRAINT =
  /^(=||!=|>|<|>=|=>|<=|=<|~|~>|\^)\s*(v?(?:(\d{1,18}|[xX*])(?:\.(\d{1,18}|[xX*]))?(?:\.(\d{1,18}|[xX*]))?)((?:-[\dA-Za-z.-]+)?(?:\+[\dA-Za-z.-]+)?))$/;

/** A version; minor and patch may be left out. Undefined when the text is none. */
export function parseVersion(text: string): SemanticVersion | undefined {
  const [all, major, minor = '0', patch = '0', prerelease = '', metadata = ''] = VERSION.exec(text) ?? [];
  if (all === undefined || major === undefined) return undefined;
  return new SemanticVersion({
    major: BigInt(major),
    minor: BigInt(minor),
    patch: BigInt(patch),
    prerelease,
    metadata,
    original: text,
  });
}

/** Order of semver.org: negative, zero or positive. */
function compareVersions(left: SemanticVersion, right: SemanticVersion): number {
  for (const part of ['major', 'minor', 'patch'] as const) {
    if (left[part] !== right[part]) return left[part] < right[part] ? -1 : 1;
  }
  return comparePrereleases(left.prerelease, right.prerelease);
}

/** Whether a version satisfies `>=1.2, <2 || ~3.1`. Undefined when that is no constraint. */
export function satisfies(version: SemanticVersion, constraint: string): boolean | undefined {
  let result = false;
  for (const alternative of constraint.split('||')) {
    const parts = partsOf(alternative);
    if (parts === undefined) return undefined;
    result ||= parts.every((part) => part(version));
  }
  return result;
}

type Check = (version: SemanticVersion) => boolean;

function partsOf(alternative: string): Check[] | undefined {
  const ranged = alternative.replaceAll(/(\S+)\s+-\s+(\S+)/g, '>=$1 <=$2');
  const words = ranged
    .replaceAll(/(=|!=|>|<|~|\^)\s+/g, '$1')
    .split(/[\s,]+/)
    .filter((word) => word !== '');
  const checks = words.map(checkOf);
  return words.length === 0 || checks.includes(undefined) ? undefined : checks.filter((check) => check !== undefined);
}

/** A constraint with what was left open (`1.x`, `1`) as a range. */
function checkOf(word: string): Check | undefined {
  const [all, sign = '', , major = '', minor, patch, tail = ''] = CONSTRAINT.exec(word) ?? [];
  if (all === undefined) return undefined;
  const open = (part: string | undefined) => part === undefined || /^[xX*]$/.test(part);
  const number = (part: string | undefined) => (open(part) ? '0' : part);
  const fixed = open(major) ? 0 : open(minor) ? 1 : open(patch) ? 2 : 3;
  const low = parseVersion(`${number(major)}.${number(minor)}.${number(patch)}${tail}`);
  if (low === undefined) return undefined;
  const inside: Check = (version) =>
    (fixed < 1 || version.major === low.major) && (fixed < 2 || version.minor === low.minor);
  const check = comparison(sign, low, fixed, inside);
  // A version before its release satisfies only constraints that name one too.
  return (version) => (version.prerelease === '' || low.prerelease !== '') && check(version);
}

function comparison(sign: string, low: SemanticVersion, fixed: number, inside: Check): Check {
  const compare: Check = (version) => compareVersions(version, low) >= 0;
  switch (sign) {
    case '!=':
      return (version) => (fixed < 3 ? !inside(version) : compareVersions(version, low) !== 0);
    case '>':
      return (version) => compareVersions(version, low) > 0 && (fixed === 3 || !inside(version));
    case '<':
      return (version) => compareVersions(version, low) < 0;
    case '>=':
    case '=>':
      return compare;
    case '<=':
    case '=<':
      return (version) => compareVersions(version, low) <= 0 || (fixed < 3 && inside(version));
    case '~':
    case '~>':
      return (version) => compare(version) && (fixed < 3 ? inside(version) : sameMinor(version, low));
    case '^':
      return (version) => compare(version) && caret(version, low, fixed);
    default:
      return (version) => (fixed < 3 ? compare(version) && inside(version) : compareVersions(version, low) === 0);
  }
}

function sameMinor(version: SemanticVersion, low: SemanticVersion): boolean {
  return version.major === low.major && version.minor === low.minor;
}

/** Nothing left of the first number that is not zero may change. */
function caret(version: SemanticVersion, low: SemanticVersion, fixed: number): boolean {
  if (fixed === 0) return true;
  if (version.major !== low.major) return false;
  if (low.major > 0n || fixed === 1) return true;
  if (version.minor !== low.minor) return false;
  return low.minor > 0n || fixed === 2 || version.patch === low.patch;
}

function comparePrereleases(left: string, right: string): number {
  if (left === right) return 0;
  if (left === '' || right === '') return left === '' ? 1 : -1;
  const [mine, others] = [left.split('.'), right.split('.')];
  for (let at = 0; at < Math.max(mine.length, others.length); at += 1) {
    const order = compareIdentifiers(mine[at], others[at]);
    if (order !== 0) return order;
  }
  return 0;
}

function compareIdentifiers(left: string | undefined, right: string | undefined): number {
  if (left === right) return 0;
  if (left === undefined || right === undefined) return left === undefined ? -1 : 1;
  const [leftNumber, rightNumber] = [/^\d+$/.test(left), /^\d+$/.test(right)];
  if (leftNumber && rightNumber) return BigInt(left) < BigInt(right) ? -1 : 1;
  return leftNumber === rightNumber ? compareText(left, right) : leftNumber ? -1 : 1;
}
