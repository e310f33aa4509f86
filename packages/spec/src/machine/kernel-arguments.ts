/** One argument of a kernel command line. */
export interface KernelArgument {
  name: string;
  /** Undefined for an argument without `=`. */
  value: string | undefined;
  /** Where it starts, in UTF-16 units. */
  offset: number;
}

/**
 * Splits a command line as the kernel does (next_arg in lib/cmdline.c): blanks inside of double quotes do not end an argument,
 * and the quotes around an argument or around its value fall away. Single quotes and backslashes mean nothing.
 */
export function splitKernelArguments(commandLine: string): KernelArgument[] {
  const found: KernelArgument[] = [];
  for (let at = 0; at < commandLine.length; ) {
    if (isBlank(commandLine, at)) {
      at += 1;
      continue;
    }
    const offset = at;
    let quoted = false;
    while (at < commandLine.length && (quoted || !isBlank(commandLine, at))) {
      if (commandLine.charAt(at) === '"') quoted = !quoted;
      at += 1;
    }
    const argument = toArgument(commandLine.slice(offset, at), offset);
    // What follows "--" is for init; it is read all the same, as there is no other use of these names.
    if (argument.name !== '--' && argument.name !== '') found.push(argument);
  }
  return found;
}

function toArgument(text: string, offset: number): KernelArgument {
  const whole = text.startsWith('"') ? text.slice(1).replace(/"$/, '') : text;
  const equals = whole.indexOf('=', 1);
  if (equals < 0) return { name: whole, value: undefined, offset };
  const value = whole.slice(equals + 1);
  return {
    name: whole.slice(0, equals),
    value: value.startsWith('"') ? value.slice(1).replace(/"$/, '') : value,
    offset,
  };
}

function isBlank(text: string, at: number): boolean {
  return /\s/.test(text.charAt(at));
}
