import { describe, expect, it } from 'vitest';
import { HEALTHY, TARGET, usual } from './fake';
import { filesOf } from './lost';

const session = (parts: object) => ({
  status: 200,
  body: { format: 'starcyte session', dataset: { title: 'PBMC' }, annotations: [], genesets: [], views: [], ...parts },
});
const table = (body: string) => ({ status: 200, body });

describe('a session that Galaxy has lost', () => {
  it('still has its files', async () => {
    const fake = usual()
      .on(/health/, HEALTHY)
      .on(/session\.json/, session({ annotations: [{ name: 'Types' }], genesets: [{ name: 'T cells' }] }))
      .on(/annotations\.tabular/, table('cell\tTypes\n'))
      .on(/genesets\.gmt/, table('T cells\t\tCD3D\n'));
    const files = await filesOf(fake.galaxy, TARGET);
    expect(files?.map((f) => [f.name, f.datatype])).toEqual([
      ['starcyte on PBMC (session)', 'json'],
      ['starcyte on PBMC (annotations)', 'tabular'],
      ['starcyte on PBMC (gene_sets)', 'tabular'],
    ]);
    expect(files?.[1]?.content).toBe('cell\tTypes\n');
  });

  it('may have none', async () => {
    const fake = usual()
      .on(/health/, HEALTHY)
      .on(/session\.json/, session({}));
    expect(await filesOf(fake.galaxy, TARGET)).toEqual([]);
  });

  it.each([{ status: 502, body: 'Proxy target missing' }, { status: 200, body: '<html>' }, new TypeError('refused')])(
    'is gone where its page does not answer: %o',
    async (answer) => {
      expect(await filesOf(usual().on(/health/, answer).galaxy, TARGET)).toBeUndefined();
    },
  );

  it('adds its files to the history', async () => {
    const outputs = [{ id: '1', name: 'starcyte on PBMC (annotations)' }];
    const fake = usual().on(/^POST api\/tools\/fetch$/, { status: 200, body: { outputs } });
    const files = [{ name: 'starcyte on PBMC (annotations)', datatype: 'tabular', content: 'cell\tTypes\n' }];
    expect(await fake.galaxy.upload('h', files)).toEqual(outputs);
    const [form] = fake.forms;
    expect(form?.get('history_id')).toBe('h');
    expect(JSON.parse(String(form?.get('targets')))).toMatchObject([
      { elements: [{ name: 'starcyte on PBMC (annotations)', ext: 'tabular', src: 'files' }] },
    ]);
    expect(await new Response(form?.get('files_0|file_data')).text()).toBe('cell\tTypes\n');
  });
});
