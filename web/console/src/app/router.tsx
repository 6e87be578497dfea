import { createRootRoute, createRoute, createRouter, redirect } from "@tanstack/react-router";
import { ApiError } from "@bida/shared/api";
import { queries } from "./api";
import { Frame } from "./frame";
import { meQuery } from "./me";
import { pages, type Page } from "./pages";
import { FirstPage, WrongPage } from "./first";
import { Guarded, PageLoading } from "./guarded";
import { part } from "./part";

const SignIn = part(() => import("../features/signin"));
const Me = part(() => import("../features/me"), { waiting: <PageLoading /> });

const root = createRootRoute({ notFoundComponent: WrongPage });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search: Record<string, unknown>): { to?: string } => (typeof search["to"] === "string" ? { to: search["to"] } : {}),
  component: SignIn,
});

/** Everything but the sign-in page is for whoever is signed in. */
const inside = createRoute({
  getParentRoute: () => root,
  id: "inside",
  component: Frame,
  beforeLoad: async ({ location }) => {
    try {
      await queries.query({ ...meQuery, staleTime: "static" });
    } catch (error) {
      // TanStack Router is told where to go by what is thrown.
      // eslint-disable-next-line @typescript-eslint/only-throw-error
      if (error instanceof ApiError && (error.status === 401 || error.status === 403)) throw redirect({ to: "/sign-in", search: location.href === "/" ? {} : { to: location.href } });
      // The server does not answer: the frame says so, and goes on when it does.
    }
  },
});

const first = createRoute({ getParentRoute: () => inside, path: "/", component: FirstPage });

const me = createRoute({ getParentRoute: () => inside, path: "/me", component: Me, loader: () => void Me.preload() });

/** Where filter rules were before all settings had pages; links and bookmarks go on. */
const filters = createRoute({ getParentRoute: () => inside, path: "/filters", beforeLoad: () => {
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- TanStack Router is told where to go by what is thrown.
  throw redirect({ to: "/reception/$section", params: { section: "filters" }, replace: true });
} });

function routesOf(page: Page) {
  const Code = part(page.load, { waiting: <PageLoading /> });
  const component = () => <Guarded page={page}><Code /></Guarded>;
  // The loader runs when somebody points at a link to the page, so that its code is there when the link is followed.
  return page.paths.map((path) => createRoute({ getParentRoute: () => inside, path, component, loader: () => void Code.preload() }));
}

const routeTree = root.addChildren([signIn, inside.addChildren([first, me, filters, ...pages.flatMap(routesOf)])]);

export const router = createRouter({ routeTree, defaultPreload: "intent", scrollRestoration: true });
