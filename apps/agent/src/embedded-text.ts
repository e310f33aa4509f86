import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The text of a file that belongs to the agent. Sources that run as they are read it; the bundler (packages/image/src/agent)
 * puts the text itself in the place of every call that is written as `embeddedText(import.meta.dirname, 'page/a.css')`.
 */
export function embeddedText(folder: string, name: string): string {
  return readFileSync(join(folder, name), 'utf8');
}
