/** A test reporter that writes the counts of the whole run as one line of JSON, and nothing else. */
export default async function* counts(source) {
  for await (const { type, data } of source)
    if (type === 'test:summary' && data.file === undefined) yield JSON.stringify(data.counts);
}
