package broker

import (
	"github.com/prometheus/client_golang/prometheus"
)

// A meter counts what the operator watches. Labels never name a party, a case
// or a message.
type meter struct {
	accepted  *prometheus.CounterVec
	refused   *prometheus.CounterVec
	witness   *prometheus.CounterVec
	witnessed prometheus.Gauge
	turn      prometheus.Histogram
	items     prometheus.Histogram
}

func newMeter() meter {
	return meter{
		accepted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "entraide_accepted_total", Help: "Proposals that entered the log, by kind.",
		}, []string{"kind"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "entraide_refused_total", Help: "Proposals that were refused, by problem code.",
		}, []string{"code"}),
		witness: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "entraide_witness_total", Help: "Checkpoints that witnesses were asked to cosign, by outcome.",
		}, []string{"outcome"}),
		witnessed: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "entraide_log_witnessed_size", Help: "Entries covered by the newest witnessed checkpoint this broker has made.",
		}),
		turn: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "entraide_commit_seconds", Help: "Time of one commit.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}),
		items: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "entraide_commit_items", Help: "Proposals in one commit.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 10),
		}),
	}
}

// Metrics returns the broker's metrics for a registry.
func (b *Broker) Metrics() []prometheus.Collector {
	size := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "entraide_log_signed_size", Help: "Entries covered by the newest checkpoint this broker has seen.",
	}, func() float64 { return float64(b.latestCP.Load()) })
	return []prometheus.Collector{b.meter.accepted, b.meter.refused, b.meter.witness, b.meter.witnessed, b.meter.turn, b.meter.items, size}
}
