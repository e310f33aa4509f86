/** Spelling without case and separators: `ssh_authorized-keys` and `sshAuthorizedKeys` are the same word. */
export function foldWord(word: string): string {
  return word.replaceAll(/[-_ .]/g, '').toLowerCase();
}

/** Optimal string alignment distance (Damerau-Levenshtein without repeated edits of one place). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min((row[j - 1] ?? 0) + 1, (last[j] ?? 0) + 1, substitution);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

/** The word that was probably meant, or undefined when none is near: a third of the letters may differ, at least one. */
export function nearestWord(word: string, words: Iterable<string>): string | undefined {
  // Distance is quadratic and the word may be hostile; no valid word is this long.
  if (word.length > 64) return undefined;
  const folded = foldWord(word);
  let best: { word: string; distance: number } | undefined;
  for (const candidate of words) {
    const target = foldWord(candidate);
    const distance = editDistance(folded, target);
    const allowed = Math.max(1, Math.floor(Math.max(folded.length, target.length) / 3));
    // One edit turns any one-letter word into any other.
    if (distance > allowed || distance >= target.length) continue;
    if (!best || distance < best.distance) best = { word: candidate, distance };
  }
  return best?.word;
}
