package web

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/problem"
)

// rotaKeepers are those who say who is on duty when.
var rotaKeepers = Roles(desk.Administrator, desk.Approver)

// rotaRoutes are the rota of the watch.
var rotaRoutes = []Route{
	{Name: "rota", Method: http.MethodGet, Path: "/rota", Who: rotaKeepers, Handle: (*Server).rotaPage},
	{Name: "rota.add", Method: http.MethodPost, Path: "/rota", Who: rotaKeepers, Handle: (*Server).rotaAdd},
	{Name: "rota.remove", Method: http.MethodPost, Path: "/rota/{shift:[0-9a-f]{32}}/remove", Who: rotaKeepers, Handle: (*Server).rotaRemove},
}

// A rotaView is the page of the rota.
type rotaView struct {
	Form     page.Form
	Shifts   []shiftLine
	Officers []page.Choice
	Levels   []page.Choice
	Days     []page.Choice
	Zones    []string
}

// A shiftLine is a shift with the name of its officer.
type shiftLine struct {
	office.Shift
	Name   string
	Days   []string
	Always bool
	Now    bool // the officer is on duty
}

// weekdays are the days of a shift, Monday first.
var weekdays = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

func (s *Server) rotaPage(w http.ResponseWriter, c *Call) error {
	v := rotaView{}
	for field, value := range map[string]string{"begins": "08:00", "ends": "20:00", "level": "1", "zone": c.User.Zone} {
		v.Form.Set(field, value)
	}
	return s.showRota(w, c, http.StatusOK, v)
}

func (s *Server) showRota(w http.ResponseWriter, c *Call, status int, v rotaView) error {
	rota, err := s.office.Rota(c.Context())
	if err != nil {
		return err
	}
	now, err := s.office.OnDuty(c.Context(), c.Now)
	if err != nil {
		return err
	}
	on := map[string]bool{}
	for _, shift := range now {
		on[shift.ID] = true
	}
	all, err := s.Accounts.List(c.Context())
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, u := range all {
		names[u.ID] = u.Name
		if u.Officer().Has(desk.Readers...) {
			v.Officers = append(v.Officers, page.Choice{Value: u.ID, Label: u.Name})
		}
	}
	for _, shift := range rota {
		line := shiftLine{Shift: shift, Name: nameOf(names, shift.Officer), Always: shift.Begins == shift.Ends, Now: on[shift.ID]}
		for _, day := range shift.Days {
			line.Days = append(line.Days, c.L.T("rota.day."+day))
		}
		v.Shifts = append(v.Shifts, line)
	}
	for level := 1; level <= 3; level++ {
		v.Levels = append(v.Levels, page.Choice{Value: strconv.Itoa(level), Label: strconv.Itoa(level)})
	}
	for _, day := range weekdays {
		v.Days = append(v.Days, page.Choice{Value: day, Label: c.L.T("rota.day." + day)})
	}
	v.Zones = zones
	return s.render(w, c, status, "rota.html", v)
}

// rotaAdd puts a shift on the rota.
func (s *Server) rotaAdd(w http.ResponseWriter, c *Call) error {
	in, err := c.Fields()
	if err != nil {
		return err
	}
	level, _ := strconv.ParseInt(in.Get("level"), 10, 64) // the office refuses what is no level
	shift := office.Shift{
		Officer: in.Get("officer"), Level: level, Days: in["days"], Begins: in.Get("begins"), Ends: in.Get("ends"), Zone: in.Get("zone"),
	}
	_, err = s.office.PutShift(c.Context(), c.User.Officer(), shift)
	if p, ok := errors.AsType[*problem.Error](err); ok && p.Code == problem.InvalidValue && c.L.Has("rota.wrong."+p.Field) {
		v := rotaView{Form: page.Form{Values: in}}
		v.Form.Fail(p.Field, c.L.T("rota.wrong."+p.Field))
		return s.showRota(w, c, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	return s.done(w, c, "saved", "rota")
}

// rotaRemove takes a shift off the rota.
func (s *Server) rotaRemove(w http.ResponseWriter, c *Call) error {
	if err := s.office.DeleteShift(c.Context(), c.User.Officer(), c.Value("shift")); err != nil {
		return err
	}
	return s.done(w, c, "saved", "rota")
}
