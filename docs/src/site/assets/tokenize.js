// Tokenize: cuts text into the words that the search compares; used when the index is built and when somebody types.
//
// Latin words are lower-cased; a name such as KeyIndex.get is found whole and by its parts. Chinese has no spaces: a run of characters
// becomes its pairs, and each character by itself too, so that one typed character finds something. tokenizeQuery leaves the single
// characters out where there are pairs: all of them must match, and pairs say more.
(() => {
  const HAN = /[\u3400-\u9fff\uf900-\ufaff]+/g;
  const WORD = /[\p{L}\p{N}_$]+/gu;

  function latinWords(text) {
    const words = [];
    for (const [word] of text.replace(HAN, ' ').matchAll(WORD)) {
      words.push(word.toLowerCase());
      const parts = word.split(/(?<=[a-z0-9])(?=[A-Z])|_/).filter((part) => part.length > 1);
      if (parts.length > 1) words.push(...parts.map((part) => part.toLowerCase()));
    }
    return words;
  }

  function pairs(run) {
    const characters = Array.from(run);
    return characters.slice(1).map((character, index) => characters[index] + character);
  }

  function tokenize(text) {
    const runs = text.match(HAN) ?? [];
    return [...latinWords(text), ...runs.flatMap((run) => [...Array.from(run), ...pairs(run)])];
  }

  function tokenizeQuery(text) {
    const runs = text.match(HAN) ?? [];
    const chinese = runs.flatMap((run) => (Array.from(run).length === 1 ? [run] : pairs(run)));
    return [...latinWords(text), ...chinese];
  }

  globalThis.kubeLabsTokenize = tokenize;
  globalThis.kubeLabsTokenizeQuery = tokenizeQuery;
})();
