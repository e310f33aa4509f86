/** Decides whether a path of a build context, relative and with `/`, is left out. */
export interface IgnoreRules {
  isIgnored(path: string): boolean;
  /** True when some rule re-includes: then folders that are left out must still be looked into. */
  hasExceptions: boolean;
}

interface Rule {
  pattern: RegExp;
  negated: boolean;
}

/**
 * Reads a `.dockerignore`: one pattern a line, `#` comments, `*`, `?`, `[...]`, `**`, `!` to re-include; the last rule that
 * matches a path or one of its parents wins.
 * Source: https://docs.docker.com/build/concepts/context/#dockerignore-files and moby's patternmatcher.
 */
export function parseDockerIgnore(text: string): IgnoreRules {
  const rules: Rule[] = [];
  for (const rawLine of text.replace(/^\uFEFF/, '').split('\n')) {
    if (rawLine.startsWith('#')) continue;
    const line = rawLine.trim();
    const negated = line.startsWith('!');
    const pattern = cleanPattern(negated ? line.slice(1).trim() : line);
    if (pattern !== '') rules.push({ pattern: toRegExp(pattern), negated });
  }
  return {
    hasExceptions: rules.some((rule) => rule.negated),
    isIgnored(path) {
      const prefixes = withParents(path);
      let ignored = false;
      for (const rule of rules) {
        // A rule of the kind already in force cannot change the answer.
        if (rule.negated !== ignored) continue;
        if (prefixes.some((prefix) => rule.pattern.test(prefix))) ignored = !rule.negated;
      }
      return ignored;
    },
  };
}

function withParents(path: string): string[] {
  const parts = path.split('/');
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** Go's path.Clean for a relative pattern: no leading `/`, no `.` parts, `..` takes its parent away. */
function cleanPattern(pattern: string): string {
  const parts: string[] = [];
  for (const part of pattern.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  return parts.join('/');
}

function toRegExp(pattern: string): RegExp {
  let out = '^';
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern.charAt(i);
    if (char === '*' && pattern[i + 1] === '*') {
      i++;
      if (pattern[i + 1] === '/') i++;
      // `**` at the end takes everything; elsewhere any number of whole folders.
      out += i + 1 >= pattern.length ? '.*' : '(.*/)?';
    } else if (char === '*') out += '[^/]*';
    else if (char === '?') out += '[^/]';
    else if (char === '[') {
      const end = pattern.indexOf(']', i + 2);
      if (end < 0) out += '\\[';
      else {
        const body = pattern.slice(i + 1, end);
        out += `[${body.replace(/[\\\]]/g, '\\$&')}]`;
        i = end;
      }
    } else if (char === '\\' && i + 1 < pattern.length) out += escape(pattern.charAt(++i));
    else out += escape(char);
  }
  try {
    return new RegExp(`${out}$`, 's');
  } catch {
    // A class such as [z-a] matches nothing, as in Go where it is an error of the pattern.
    return /(?!)/;
  }
}

function escape(char: string): string {
  return char.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
