import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeHost } from '@bowline/host';

const SCRIPTS = join(import.meta.dirname, 'files/usr/lib/bowline');
/** What scripts of the initrd do to the machine itself; in tests they are words of a log. */
const MACHINE = `
say() { echo "say $*"; }
fail() { echo "fail $*"; exit 1; }
has_argument() { case " $command_line " in *" $1 "* | *" $1="*) return 0 ;; esac; return 1; }
argument() { for word in $command_line; do case $word in "$1="*) echo "\${word#*=}"; return 0 ;; esac; done; return 1; }
write_durably() { printf '%s\\n' "$2" >"$1.new"; mv "$1.new" "$1"; }
systemctl() { echo "systemctl $*"; exit 0; }
`;

/** Text of a script of the initrd. */
export function scriptText(name: string): Promise<string> {
  return readFile(join(SCRIPTS, name), 'utf8');
}

/** Runs pieces of the initrd's scripts in a folder that stands for the machine, and returns what they printed. */
export async function runShell(
  pieces: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<string> {
  const assignments = Object.entries(variables).map(([name, value]) => `${name}='${value}'`);
  const text = [...assignments, MACHINE, ...pieces.map((piece) => piece.replaceAll(/^\. .*$/gm, ''))].join('\n');
  const { stdout } = await nodeHost().processes.run({ argv: ['sh', '-c', text], timeoutMs: 30_000 });
  return new TextDecoder().decode(stdout);
}
