import { isMap, parseDocument } from 'yaml';
import type { ConfigurationText } from './wish.ts';

/** Keys of `install` that would begin an installation again. */
const ONCE = ['auto', 'force'];

/**
 * The texts as the installed system gets them: without what would install again. Comments and everything else stay. A
 * text that cannot be read as YAML is kept as it is, and its owner is told.
 */
export function installedConfigurations(texts: readonly ConfigurationText[]): {
  configurations: ConfigurationText[];
  warnings: string[];
} {
  const warnings: string[] = [];
  const configurations = texts.map((given) => {
    const text = withoutOnce(given.text);
    if (text === undefined) warnings.push(`${given.origin} is no YAML; it is passed on as it is`);
    return { ...given, text: text ?? given.text };
  });
  return { configurations, warnings };
}

function withoutOnce(text: string): string | undefined {
  const document = parseDocument(text, { uniqueKeys: false });
  if (document.errors.length > 0) return undefined;
  const install = document.get('install', true);
  // Untouched, so not a byte changes.
  if (!isMap(install) || !ONCE.some((key) => install.has(key))) return text;
  for (const key of ONCE) install.delete(key);
  if (install.items.length === 0) document.delete('install');
  const changed = document.toString({ lineWidth: 0 });
  // The comments at the top, the header that makes it a configuration among them, may have gone with the first key.
  const head = /^(?:#[^\n]*\n|[ \t]*\n)*/.exec(text)?.[0] ?? '';
  return changed.startsWith(head.trimStart().split('\n', 1)[0] ?? '') ? changed : `${head}${changed}`;
}
