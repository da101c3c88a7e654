package api

// A RouteInfo is a line of the route table, for the tests.
type RouteInfo struct{ Name, Method, Path, Reach string }

// Routes lists the route table.
func Routes() (all []RouteInfo) {
	names := map[reach]string{public: "public", member: "member", authority: "authority"}
	for _, r := range routes {
		all = append(all, RouteInfo{r.name, r.method, r.path, names[r.reach]})
	}
	return all
}
