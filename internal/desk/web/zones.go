package web

// zones are proposed to officers who choose where they are; every name of the
// time zone database is taken.
var zones = []string{
	"UTC", "Africa/Abidjan", "Africa/Addis_Ababa", "Africa/Algiers", "Africa/Cairo", "Africa/Casablanca", "Africa/Johannesburg",
	"Africa/Lagos", "Africa/Nairobi", "Africa/Tunis", "America/Argentina/Buenos_Aires", "America/Bogota", "America/Caracas",
	"America/Chicago", "America/Havana", "America/Lima", "America/Mexico_City", "America/New_York", "America/Panama",
	"America/Santiago", "America/Sao_Paulo", "America/Toronto", "Asia/Almaty", "Asia/Baghdad", "Asia/Bangkok", "Asia/Beirut",
	"Asia/Dhaka", "Asia/Dubai", "Asia/Ho_Chi_Minh", "Asia/Hong_Kong", "Asia/Jakarta", "Asia/Karachi", "Asia/Kathmandu",
	"Asia/Kolkata", "Asia/Manila", "Asia/Qatar", "Asia/Riyadh", "Asia/Seoul", "Asia/Shanghai", "Asia/Singapore", "Asia/Tashkent",
	"Asia/Tehran", "Asia/Tokyo", "Atlantic/Reykjavik", "Australia/Sydney", "Europe/Athens", "Europe/Berlin", "Europe/Brussels",
	"Europe/Istanbul", "Europe/Kyiv", "Europe/Lisbon", "Europe/London", "Europe/Madrid", "Europe/Moscow", "Europe/Paris",
	"Europe/Rome", "Europe/Stockholm", "Europe/Vienna", "Europe/Warsaw", "Europe/Zurich", "Pacific/Auckland", "Pacific/Fiji",
}
