import { useSignal } from '@preact/signals';
import { signedOutBecause, signIn } from './state/session.ts';
import { text } from './text.ts';

/** Asks for a credential. It is kept nowhere by this page. */
export function SignIn() {
  const credential = useSignal('');
  const isBusy = useSignal(false);
  const wrong = useSignal<string | null>(null);

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    if (isBusy.value) return;
    isBusy.value = true;
    wrong.value = null;
    try {
      await signIn(credential.value.trim());
    } catch (error) {
      wrong.value = error instanceof Error ? error.message : String(error);
    } finally {
      isBusy.value = false;
    }
  }

  return (
    <main class="sign-in">
      <form onSubmit={submit}>
        <h1>{text.title}</h1>
        {signedOutBecause.value && <p class="notice">{signedOutBecause.value}</p>}
        <p class="soft">{text.signIn.explain}</p>
        <label for="credential">{text.signIn.label}</label>
        <input
          id="credential"
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          value={credential.value}
          onInput={({ currentTarget }) => {
            credential.value = currentTarget.value;
          }}
          aria-describedby={wrong.value ? 'sign-in-wrong' : undefined}
        />
        {wrong.value && (
          <p class="error" id="sign-in-wrong" role="alert">
            {wrong.value}
          </p>
        )}
        <button type="submit" class="primary" disabled={isBusy.value}>
          {isBusy.value ? text.signIn.busy : text.signIn.button}
        </button>
      </form>
    </main>
  );
}
