/** Makes a generator of integers from 1 to 2^32−1, always the same for one seed (xorshift32, Marsaglia 2003). */
export function pseudoRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
