import { useEffect, useState, type ReactNode } from 'react';
import { Redirect, Route, Router, Switch } from 'wouter';
import { useHashLocation } from 'wouter/use-hash-location';
import type { Console } from '../io/console.ts';
import { ConsoleContext } from './hooks.ts';
import { AgentPage } from './fleet/agent-page.tsx';
import { FleetPage } from './fleet/fleet-page.tsx';
import { Login } from './login.tsx';
import { OperationsPage } from './operations/operations-page.tsx';
import { CardPage } from './registry/card-page.tsx';
import { RegisterPage } from './registry/register-page.tsx';
import { RegistryPage } from './registry/registry-page.tsx';
import { RequestsPage } from './requests/requests-page.tsx';
import { SessionPage } from './sessions/session-page.tsx';
import { SessionsPage } from './sessions/sessions-page.tsx';
import { Shell } from './shell.tsx';
import { useTheme } from './theme.ts';

export function App(): ReactNode {
  const theme = useTheme();
  const [it, setIt] = useState<Console | undefined>();
  useEffect(() => {
    if (it === undefined) return undefined;
    return () => void it.close();
  }, [it]);
  if (it === undefined) return <Login theme={theme} onOpen={setIt} />;
  return (
    <ConsoleContext value={it}>
      <Router hook={useHashLocation}>
        <Shell theme={theme} onSignOut={() => setIt(undefined)}>
          <Switch>
            <Route path="/fleet" component={FleetPage} />
            <Route path="/fleet/:agentId">
              {({ agentId }) => <AgentPage key={agentId} agentId={agentId} />}
            </Route>
            <Route path="/registry" component={RegistryPage} />
            <Route path="/registry/new" component={RegisterPage} />
            <Route path="/registry/card/:agentId">{({ agentId }) => <CardPage agentId={agentId} />}</Route>
            <Route path="/sessions" component={SessionsPage} />
            <Route path="/sessions/:sessionId">
              {({ sessionId }) => <SessionPage key={sessionId} sessionId={sessionId} />}
            </Route>
            <Route path="/operations" component={OperationsPage} />
            <Route path="/requests">
              <RequestsPage />
            </Route>
            <Route path="/requests/:agentId">{({ agentId }) => <RequestsPage agentId={agentId} />}</Route>
            <Route>
              <Redirect to="/fleet" />
            </Route>
          </Switch>
        </Shell>
      </Router>
    </ConsoleContext>
  );
}
